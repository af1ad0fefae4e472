// ONNX Attention since 23: multi-head, grouped-query and multi-query attention with masks, causal and
// sliding windows, soft caps and key/value caches; opset 25 adds windows.
import { type DType, dtypeFromOnnx, dtypeInfo } from '../ir/dtype.ts';
import { type AttentionResult, attend, castTo, joinHeads, splitHeads } from './attention-core.ts';
import { FLOATS } from './elementwise.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

interface Operands {
  readonly q: StaticTensor;
  readonly k: StaticTensor;
  readonly v: StaticTensor;
}

/** Q, K, V with four axes. */
function operands(c: ExpandContext): Operands {
  const [q, k, v] = [c.tensor(0), c.tensor(1), c.tensor(2)];
  const rank = q.shape.length;
  if (k.shape.length !== rank || v.shape.length !== rank || rank < 3 || rank > 4) {
    c.fail(`Q, K and V have ranks ${rank}, ${k.shape.length} and ${v.shape.length}, expected all 3 or all 4`);
  }
  if (k.dtype !== q.dtype) c.fail('Q and K have different types', undefined, 'UNSUPPORTED_TYPE');
  if (rank === 4) return { q, k, v };
  const [heads, keyHeads] = [c.int('q_num_heads', 0), c.int('kv_num_heads', 0)];
  return {
    q: splitHeads(c, q, heads),
    k: splitHeads(c, k, keyHeads),
    v: splitHeads(c, v, keyHeads),
  };
}

function withPast(c: ExpandContext, i: number, t: StaticTensor): StaticTensor {
  if (!c.has(i)) return t;
  const past = c.tensor(i);
  const fits = past.shape.length === 4 && [0, 1, 3].every((k) => past.shape[k] === t.shape[k]);
  if (!fits) c.fail(`a past of shape [${past.shape}] does not precede [${t.shape}]`);
  return c.one('Concat', [past, t], { axis: 2 });
}

/** The additive mask, or null when every query attends every key. */
function bias(c: ExpandContext, q: StaticTensor, keys: number, past: number): StaticTensor | null {
  const causal = c.int('is_causal', 0) !== 0;
  const [left, right] = [c.int('left_window_size', -1), c.int('right_window_size', -1)];
  if (left < -1 || right < -1) c.fail(`window sizes ${left} and ${right} are below -1`);
  if (!c.has(3) && !c.has(6) && !causal && left < 0 && right < 0) return null;
  const inputs = [c.has(3) ? c.tensor(3) : null, c.has(6) ? c.tensor(6) : null];
  const [batch, heads, queries] = q.shape;
  return c.one(
    'AttentionBias',
    inputs,
    {
      batch,
      heads,
      queries,
      keys,
      causal,
      left,
      right,
      offset: past,
      external: c.has(6),
      to: dtypeInfo(q.dtype).onnx,
    },
    'tilewright',
  );
}

function softmaxType(c: ExpandContext): DType | null {
  if (!c.hasAttr('softmax_precision')) return null;
  const dtype = dtypeFromOnnx(c.int('softmax_precision', 1));
  return dtype && FLOATS.includes(dtype) ? dtype : c.fail('softmax_precision is not a float type');
}

const MODES: readonly ((r: AttentionResult) => StaticTensor)[] = [
  (r) => r.raw,
  (r) => r.capped,
  (r) => r.biased,
  (r) => r.probabilities,
];

export const Attention = op({
  name: 'Attention',
  inputs: [3, 7],
  outputs: [1, 4],
  since: 23,
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 4: FLOATS, 5: FLOATS, 6: ['i64'] },
  expand: (c) => {
    const { q, k, v } = operands(c);
    if (c.has(4) !== c.has(5)) c.fail('past_key and past_value must be given together');
    if (c.has(4) && c.has(6)) c.fail('nonpad_kv_seqlen excludes a past');
    const [keys, values] = [withPast(c, 4, k), withPast(c, 5, v)];
    const past = keys.shape[2] - k.shape[2];
    const mode = MODES[c.int('qk_matmul_output_mode', 0)] ?? c.fail('qk_matmul_output_mode is not defined');
    const result = attend(c, {
      q,
      k: keys,
      v: values,
      scale: c.hasAttr('scale') ? c.float('scale', 1) : 1 / Math.sqrt(q.shape[3]),
      softcap: c.float('softcap', 0),
      bias: bias(c, q, keys.shape[2], past),
      guarded: c.has(3) || c.has(6) || c.hasAttr('left_window_size') || c.hasAttr('right_window_size'),
      softmaxType: softmaxType(c),
    });
    const y = castTo(c, result.y, q.dtype);
    const joined = c.tensor(0).shape.length === 3 ? joinHeads(c, y) : y;
    return [joined, keys, values, castTo(c, mode(result), q.dtype)];
  },
});
