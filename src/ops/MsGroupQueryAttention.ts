// com.microsoft GroupQueryAttention: causal attention with shared key heads and a cache in which
// every sample has its own length; optional rotation and sliding window.
import { castTo, joinHeads, splitHeads } from './attention-core.ts';
import { attendWith } from './contrib-attention.ts';
import { FLOATS } from './elementwise.ts';
import { columns, positions, reshape, zeros } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';
import { rotate } from './rotary.ts';

interface Heads {
  readonly q: StaticTensor;
  readonly k: StaticTensor;
  readonly v: StaticTensor;
}

function operands(c: ExpandContext): Heads {
  const [heads, shared] = [c.int('num_heads', 0), c.int('kv_num_heads', 0)];
  const q = c.tensor(0);
  if (heads < 1 || shared < 1 || q.shape.length !== 3) c.fail(`${heads} and ${shared} heads of a query [${q.shape}]`);
  const cut = (t: StaticTensor, n: number): StaticTensor => splitHeads(c, t, n);
  if (c.has(1) && c.has(2)) return { q: cut(q, heads), k: cut(c.tensor(1), shared), v: cut(c.tensor(2), shared) };
  const size = q.shape[2] / (heads + 2 * shared);
  if (!Number.isInteger(size)) c.fail(`width ${q.shape[2]} does not split into ${heads} and ${shared} heads`);
  const [first, second] = [heads * size, (heads + shared) * size];
  return {
    q: cut(columns(c, q, 0, first), heads),
    k: cut(columns(c, q, first, second), shared),
    v: cut(columns(c, q, second, q.shape[2]), shared),
  };
}

/** The cache of at least `total` places with the new rows written from `start` on. */
function cached(c: ExpandContext, i: number, fresh: StaticTensor, total: number, start: StaticTensor): StaticTensor {
  const [batch, heads, length, size] = fresh.shape;
  const past = c.has(i) && c.tensor(i).shape[2] > 0 ? c.tensor(i) : null;
  if (!past && length >= total) return fresh;
  const room = Math.max(total, past?.shape[2] ?? 0);
  const blank = (n: number): StaticTensor => zeros(c, fresh.dtype, [batch, heads, n, size]);
  const missing = room - (past?.shape[2] ?? 0);
  const parts = [...(past ? [past] : []), ...(missing > 0 ? [blank(missing)] : [])];
  const store = parts.length === 1 ? parts[0] : c.one('Concat', parts, { axis: 2 });
  return c.one('TensorScatter', [store, fresh, start], { axis: 2 });
}

const UNSUPPORTED = ['smooth_softmax', 'qk_output', 'k_quant_type', 'v_quant_type'];

export const MsGroupQueryAttention = op({
  name: 'GroupQueryAttention',
  domain: 'com.microsoft',
  inputs: [7, 12],
  outputs: [1, 4],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS, 4: FLOATS, 5: ['i32'], 6: ['i32'] },
  expand: (c) => {
    if (c.has(11) || UNSUPPORTED.some((a) => c.hasAttr(a) && c.attrs.get(a)?.kind === 'int' && c.int(a, 0) > 0)) {
      c.fail('sinks, smooth softmax and score outputs are not supported', undefined, 'UNSUPPORTED_OPERATOR');
    }
    const h = operands(c);
    const [batch, heads, queries] = h.q.shape;
    const [total] = c.numbersOf(c.tensor(6));
    const ends = reshape(c, castTo(c, c.tensor(5), 'i64'), [batch]);
    const one = c.constant('i64', [], [1n]);
    const lengths = c.one('Add', [ends, one]);
    const isPrompt = queries === total;
    const none = c.constant('i64', [], [0n]);
    const start = isPrompt
      ? zeros(c, 'i64', [batch])
      : c.one('Max', [c.one('Sub', [lengths, c.constant('i64', [], [BigInt(queries)])]), none]);
    const turn = (x: StaticTensor): StaticTensor => {
      if (c.int('do_rotary', 0) === 0) return x;
      const ids = c.has(9) ? c.tensor(9) : c.one('Add', [reshape(c, start, [batch, 1]), positions(c, queries, 2)]);
      return rotate(c, {
        x,
        cos: c.tensor(7),
        sin: c.tensor(8),
        ids,
        heads: 0,
        interleaved: c.int('rotary_interleaved', 0) !== 0,
        rotated: 2 * c.tensor(7).shape[1],
      });
    };
    const keys = cached(c, 3, turn(h.k), total, start);
    const values = cached(c, 4, h.v, total, start);
    const window = c.int('local_window_size', -1);
    const bias = c.one(
      'AttentionBias',
      [c.has(10) ? c.tensor(10) : null, lengths],
      {
        batch,
        heads,
        queries,
        keys: keys.shape[2],
        causal: 1,
        left: window > 0 ? window - 1 : -1,
        external: !isPrompt,
        to: 1,
      },
      'tilewright',
    );
    const y = castTo(c, attendWith(c, turn(h.q), keys, values, bias).y, h.q.dtype);
    return [joinHeads(c, y), keys, values];
  },
});
