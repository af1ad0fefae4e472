// Attention operators against the definition, and the operators of com.microsoft against the
// standard ones they amount to.
import { describe, expect, it } from 'vitest';
import type { AttrSpec } from '../../src/web/write.ts';
import { attr, type NodeCase, type Operand, type Result, runNode } from './a-support.ts';
import { at, expectClose, indices, random } from './b-support.ts';

const [B, L, S, D] = [2, 3, 4, 2];
const asOperand = (r: Result): Operand => [r.dtype, r.shape, r.values];

/** softmax(q k' * scale + bias) v with key head h * shared / heads; q [B, heads, L, D]. */
function attention(
  q: Operand,
  k: Operand,
  v: Operand,
  scale: number,
  bias: (b: number, h: number, i: number, j: number) => number,
): number[] {
  const [batch, heads, queries, size] = q[1];
  const [, shared, keys] = k[1];
  return [...indices([batch, heads, queries])].flatMap(([b, h, i]) => {
    const g = Math.floor((h * shared) / heads);
    const scores = Array.from({ length: keys }, (_, j) => {
      let s = 0;
      for (let d = 0; d < size; d++) s += at(q, [b, h, i, d]) * at(k, [b, g, j, d]);
      return s * scale + bias(b, h, i, j);
    });
    const most = Math.max(...scores);
    const weights = scores.map((s) => (most === -Infinity ? 0 : Math.exp(s - most)));
    const total = weights.reduce((a, w) => a + w, 0) || 1;
    return Array.from({ length: v[1][3] }, (_, d) =>
      weights.reduce((a, w, j) => a + (w / total) * at(v, [b, g, j, d]), 0),
    );
  });
}

const [q, k, v] = [random(1, B, 4, L, D), random(2, B, 2, S, D), random(3, B, 2, S, 5)];
const root = 1 / Math.sqrt(D);

describe('Attention', () => {
  it('shares key heads among query heads', async () => {
    const [y] = await runNode({ op: 'Attention', inputs: [q, k, v] });
    expectClose(
      y,
      [B, 4, L, 5],
      attention(q, k, v, root, () => 0),
    );
  });

  it('windows keys around the diagonal after a past', async () => {
    const [pk, pv] = [random(4, B, 2, 2, D), random(5, B, 2, 2, 5)];
    const [y, keys, values] = await runNode({
      op: 'Attention',
      inputs: [q, k, v, null, pk, pv],
      outputs: 3,
      attrs: { is_causal: attr.int(1), left_window_size: attr.int(1) },
    });
    expect(keys.shape).toEqual([B, 2, S + 2, D]);
    const want = attention(q, asOperand(keys), asOperand(values), root, (_b, _h, i, j) =>
      j <= i + 2 && j >= i + 1 ? 0 : -Infinity,
    );
    expectClose(y, [B, 4, L, 5], want);
  });

  it('gives zeros where a mask leaves no key, and pads a short mask', async () => {
    const mask: Operand = ['bool', [L, 2], [1, 0, 0, 0, 1, 1]];
    const [y] = await runNode({ op: 'Attention', inputs: [q, k, v, mask] });
    const allowed = (i: number, j: number): boolean => j < 2 && at(mask, [i, j]) !== 0;
    expectClose(
      y,
      [B, 4, L, 5],
      attention(q, k, v, root, (_b, _h, i, j) => (allowed(i, j) ? 0 : -Infinity)),
    );
  });

  it('aligns the causal frontier to the valid keys of each sample', async () => {
    const valid: Operand = ['i64', [B], [3n, 4n]];
    const [y] = await runNode({
      op: 'Attention',
      inputs: [q, k, v, null, null, null, valid],
      attrs: { is_causal: attr.int(1) },
    });
    const count = [3, 4];
    expectClose(
      y,
      [B, 4, L, 5],
      attention(q, k, v, root, (b, _h, i, j) => (j <= i + count[b] - L && j < count[b] ? 0 : -Infinity)),
    );
  });

  it('adds a bias per head to shared key heads', async () => {
    const bias = random(6, B, 4, L, S);
    const [y] = await runNode({ op: 'Attention', inputs: [q, k, v, bias] });
    expectClose(
      y,
      [B, 4, L, 5],
      attention(q, k, v, root, (b, h, i, j) => at(bias, [b, h, i, j])),
    );
  });

  it.each([2, 3])('refuses a bias of %i heads beside 4 that share 2', async (heads) => {
    const bias = random(6, B, heads, L, S);
    await expect(runNode({ op: 'Attention', inputs: [q, k, v, bias] })).rejects.toThrow(/a mask of shape/);
  });

  it('refuses heads that do not divide', async () => {
    await expect(
      runNode({ op: 'Attention', inputs: [random(1, 1, 3, 2, 2), random(2, 1, 2, 2, 2), random(3, 1, 2, 2, 2)] }),
    ).rejects.toThrow(/3 query heads do not share 2 key heads/);
  });
});

const ms = (
  op: string,
  inputs: NodeCase['inputs'],
  attrs: Readonly<Record<string, AttrSpec>>,
  outputs = 1,
): Promise<Result[]> => runNode({ op, domain: 'com.microsoft', inputs, attrs, outputs });

/** [B, heads, length, size] → [B, length, heads * size]. */
function flat(t: Operand): Operand {
  const [batch, heads, length, size] = t[1];
  const values = [...indices([batch, length, heads, size])].map(([b, l, h, d]) => at(t, [b, h, l, d]));
  return ['f32', [batch, length, heads * size], values];
}

describe('attention of com.microsoft', () => {
  it('MultiHeadAttention adds biases and hides padding', async () => {
    const [mq, mk, mv] = [random(1, B, 2, L, D), random(2, B, 2, S, D), random(3, B, 2, S, D)];
    const shift = random(8, 6 * D);
    const lengths: Operand = ['i32', [B], [2, 4]];
    const [y] = await ms('MultiHeadAttention', [flat(mq), flat(mk), flat(mv), shift, lengths], {
      num_heads: attr.int(2),
    });
    const moved = (t: Operand, from: number): Operand => [
      'f32',
      t[1],
      [...indices(t[1])].map((ix) => at(t, ix) + at(shift, [from + ix[1] * D + ix[3]])),
    ];
    const want = attention(moved(mq, 0), moved(mk, 2 * D), moved(mv, 4 * D), root, (b, _h, _i, j) =>
      j < [2, 4][b] ? 0 : -10000,
    );
    expectClose(y, [B, L, 2 * D], flat(['f32', [B, 2, L, D], want])[2]);
  });

  it('Attention projects its input', async () => {
    const [x, w] = [random(1, 1, 3, 4), random(2, 4, 12)];
    const [y, present] = await ms('Attention', [x, w], { num_heads: attr.int(2), unidirectional: attr.int(1) }, 2);
    const part = (p: number): Operand => [
      'f32',
      [1, 2, 3, 2],
      [...indices([1, 2, 3, 2])].map(([, h, i, d]) =>
        [0, 1, 2, 3].reduce((s, r) => s + at(x, [0, i, r]) * at(w, [r, p * 4 + h * 2 + d]), 0),
      ),
    ];
    const want = attention(part(0), part(1), part(2), root, (_b, _h, i, j) => (j <= i ? 0 : -Infinity));
    expectClose(y, [1, 3, 4], flat(['f32', [1, 2, 3, 2], want])[2]);
    expectClose(present, [2, 1, 2, 3, 2], [...part(1)[2], ...part(2)[2]]);
  });

  it('GroupQueryAttention continues caches of different lengths', async () => {
    const [gq, gk, gv] = [random(1, B, 4, 1, D), random(2, B, 2, 1, D), random(3, B, 2, 1, D)];
    const [pk, pv] = [random(4, B, 2, 3, D), random(5, B, 2, 3, D)];
    const ends: Operand = ['i32', [B], [1, 3]];
    const [y, keys, values] = await ms(
      'GroupQueryAttention',
      [flat(gq), flat(gk), flat(gv), pk, pv, ends, ['i32', [1], [4]]],
      { num_heads: attr.int(4), kv_num_heads: attr.int(2) },
      3,
    );
    expect(keys.shape).toEqual([B, 2, 4, D]);
    expect(at(asOperand(keys), [0, 1, 1, 0])).toBe(at(gk, [0, 1, 0, 0]));
    expect(at(asOperand(keys), [1, 1, 3, 0])).toBe(at(gk, [1, 1, 0, 0]));
    const want = attention(gq, asOperand(keys), asOperand(values), root, (b, _h, _i, j) =>
      j <= [1, 3][b] ? 0 : -Infinity,
    );
    expectClose(y, [B, 1, 4 * D], flat(['f32', [B, 4, 1, D], want])[2]);
  });

  it('RotaryEmbedding turns pairs by the angles of an offset', async () => {
    const x = random(1, 1, 2, 4);
    const angles = [0, 0.5, 1, 1.5];
    const caches = [Math.cos, Math.sin].map((f): Operand => ['f32', [4, 2], angles.flatMap((a) => [f(a), f(2 * a)])]);
    const [y] = await ms('RotaryEmbedding', [x, ['i64', [1], [1n]], ...caches], { interleaved: attr.int(1) });
    const want = [...indices([1, 2, 2])].flatMap(([, s, i]) => {
      const a = angles[s + 1] * (i + 1);
      const [re, im] = [at(x, [0, s, 2 * i]), at(x, [0, s, 2 * i + 1])];
      return [re * Math.cos(a) - im * Math.sin(a), re * Math.sin(a) + im * Math.cos(a)];
    });
    expectClose(y, [1, 2, 4], want);
  });

  it('RotaryEmbedding refuses positions that are not one per batch and token', async () => {
    const caches = [random(2, 4, 2), random(3, 4, 2)];
    const positions: Operand = ['i64', [1, 2, 1], [0n, 1n]];
    const run = runNode({ op: 'RotaryEmbedding', inputs: [random(1, 1, 1, 2, 4), ...caches, positions] });
    await expect(run).rejects.toThrow(/INVALID_SHAPE.*does not fit \[1, 2\]/);
  });
});

describe('fused operators of com.microsoft', () => {
  it('SkipLayerNormalization is the normalisation of the sum', async () => {
    const [x, skip, scale, shift, bias] = [
      random(1, 2, 3, 4),
      random(2, 2, 3, 4),
      random(3, 4),
      random(4, 4),
      random(5, 4),
    ];
    const [y, , , sum] = await ms(
      'SkipLayerNormalization',
      [x, skip, scale, shift, bias],
      { epsilon: attr.float(1e-5) },
      4,
    );
    expectClose(
      sum,
      [2, 3, 4],
      [...indices([2, 3, 4])].map((ix) => at(x, ix) + at(skip, ix) + at(bias, [ix[2]])),
    );
    const [want] = await runNode({ op: 'LayerNormalization', inputs: [asOperand(sum), scale, shift] });
    expectClose(y, want.shape, want.values);
  });

  it('SkipSimplifiedLayerNormalization scales by the root mean square', async () => {
    const [x, skip, scale] = [random(1, 3, 4), random(2, 3, 4), random(3, 4)];
    const [y] = await ms('SkipSimplifiedLayerNormalization', [x, skip, scale], { epsilon: attr.float(1e-5) });
    const sum: Operand = ['f32', [3, 4], [...indices([3, 4])].map((ix) => at(x, ix) + at(skip, ix))];
    const [want] = await runNode({ op: 'RMSNormalization', inputs: [sum, scale] });
    expectClose(y, want.shape, want.values);
  });

  it('EmbedLayerNormalization adds embeddings and counts the mask', async () => {
    const ids: Operand = ['i32', [1, 3], [2, 0, 1]];
    const [word, place, kind] = [random(1, 4, 2), random(2, 5, 2), random(3, 2, 2)];
    const [, count, sum] = await ms(
      'EmbedLayerNormalization',
      [ids, ['i32', [1, 3], [0, 1, 1]], word, place, kind, random(4, 2), random(5, 2), ['i32', [1, 3], [1, 1, 0]]],
      {},
      3,
    );
    expect(count.values).toEqual([2]);
    const want = [...indices([3, 2])].map(
      ([i, d]) => at(word, [[2, 0, 1][i], d]) + at(place, [i, d]) + at(kind, [[0, 1, 1][i], d]),
    );
    expectClose(sum, [1, 3, 2], want);
  });

  it('FusedConv and FusedGemm apply their activation last', async () => {
    const [x, w] = [random(1, 1, 2, 4), random(2, 3, 2, 2)];
    const [plain] = await runNode({ op: 'Conv', inputs: [x, w] });
    const [clipped] = await ms('FusedConv', [x, w], {
      activation: attr.string('Clip'),
      activation_params: attr.floats([-0.1, 0.2]),
    });
    expectClose(
      clipped,
      plain.shape,
      plain.values.map((e) => Math.min(Math.max(Number(e), -0.1), 0.2)),
    );
    const [a, b] = [random(3, 2, 3), random(4, 3, 2)];
    const [product] = await runNode({ op: 'Gemm', inputs: [a, b] });
    const [leaky] = await ms('FusedGemm', [a, b], {
      activation: attr.string('LeakyRelu'),
      activation_alpha: attr.float(0.5),
    });
    expectClose(
      leaky,
      [2, 2],
      product.values.map((e) => (Number(e) < 0 ? Number(e) / 2 : e)),
    );
  });
});
