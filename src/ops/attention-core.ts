// Scaled dot-product attention as matrix products and a softmax, for every attention operator.
// Grouped queries share a key head without copying it: their rows are stacked under that head.
import { type DType, dtypeInfo } from '../ir/dtype.ts';
import { reshape } from './expansions.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

export interface AttentionCore {
  /** [batch, heads, queries, size]. */
  readonly q: StaticTensor;
  /** [batch, key heads, keys, size]. */
  readonly k: StaticTensor;
  /** [batch, key heads, keys, value size]. */
  readonly v: StaticTensor;
  readonly scale: number;
  /** 0: none. */
  readonly softcap: number;
  /** Added to the scores; broadcasts to [batch, heads, queries, keys]. */
  readonly bias: StaticTensor | null;
  /** Rows of `bias` may be all -infinity: such queries give zeros. */
  readonly guarded: boolean;
  readonly softmaxType: DType | null;
  readonly scoreMod?: (scores: StaticTensor) => StaticTensor;
  readonly probMod?: (probabilities: StaticTensor) => StaticTensor;
}

export interface AttentionResult {
  /** [batch, heads, queries, value size]. */
  readonly y: StaticTensor;
  /** [batch, heads, queries, keys] each. */
  readonly raw: StaticTensor;
  readonly capped: StaticTensor;
  readonly biased: StaticTensor;
  readonly probabilities: StaticTensor;
}

export const castTo = (c: ExpandContext, t: StaticTensor, dtype: DType): StaticTensor =>
  t.dtype === dtype ? t : c.one('Cast', [t], { to: dtypeInfo(dtype).onnx });

const scalar = (c: ExpandContext, t: StaticTensor, value: number): StaticTensor => c.constant(t.dtype, [], [value]);

function scaled(c: ExpandContext, t: StaticTensor, factor: number): StaticTensor {
  return factor === 1 ? t : c.one('Mul', [t, scalar(c, t, factor)]);
}

function capped(c: ExpandContext, scores: StaticTensor, softcap: number): StaticTensor {
  if (!(softcap > 0)) return scores;
  const cap = scalar(c, scores, softcap);
  return c.one('Mul', [c.one('Tanh', [c.one('Div', [scores, cap])]), cap]);
}

/** Zeros where a row of the bias forbids every key. */
function guard(c: ExpandContext, probabilities: StaticTensor, bias: StaticTensor): StaticTensor {
  const last = c.constant('i64', [1], [-1n]);
  const most = c.one('ReduceMax', [bias, last], { keepdims: 1 });
  const none = c.one('Equal', [most, scalar(c, most, -Infinity)]);
  return c.one('Where', [none, scalar(c, probabilities, 0), probabilities]);
}

function checkShapes(c: ExpandContext, q: StaticTensor, k: StaticTensor, v: StaticTensor): void {
  const [batch, heads, , size] = q.shape;
  const [kb, kh, keys, ks] = k.shape;
  if (kb !== batch || v.shape[0] !== batch) c.fail(`batch extents ${batch}, ${kb}, ${v.shape[0]} differ`);
  if (ks !== size) c.fail(`queries have size ${size}, keys ${ks}`);
  if (v.shape[1] !== kh || v.shape[2] !== keys) c.fail(`values [${v.shape}] do not belong to keys [${k.shape}]`);
  if (kh === 0 || heads % kh !== 0) c.fail(`${heads} query heads do not share ${kh} key heads`);
}

export function attend(c: ExpandContext, a: AttentionCore): AttentionResult {
  const { q, k, v } = a;
  checkShapes(c, q, k, v);
  const [batch, heads, queries, size] = q.shape;
  const [, keyHeads, keys] = k.shape;
  const rows = (heads / keyHeads) * queries;
  // Halves of the scale on either side keep narrow types from overflowing; wide ones need no second pass.
  const narrow = q.dtype === 'f16' || q.dtype === 'bf16';
  const [left, right] = narrow ? [Math.sqrt(a.scale), Math.sqrt(a.scale)] : [a.scale, 1];
  const grouped = reshape(c, scaled(c, q, left), [batch, keyHeads, rows, size]);
  const turned = c.one('Transpose', [scaled(c, k, right)], { perm: [0, 1, 3, 2] });
  const product = c.one('MatMul', [grouped, turned]);
  const raw = reshape(c, product, [batch, heads, queries, keys]);
  const soft = capped(c, raw, a.softcap);
  const biased = a.bias ? c.one('Add', [soft, castTo(c, a.bias, soft.dtype)]) : soft;
  const wide = castTo(c, biased, a.softmaxType ?? biased.dtype);
  const normal = c.one('Softmax', [a.scoreMod ? a.scoreMod(wide) : wide], { axis: -1 });
  const safe = a.bias && a.guarded ? guard(c, normal, a.bias) : normal;
  const probabilities = a.probMod ? a.probMod(safe) : safe;
  const weights = reshape(c, castTo(c, probabilities, v.dtype), [batch, keyHeads, rows, keys]);
  const y = reshape(c, c.one('MatMul', [weights, v]), [batch, heads, queries, v.shape[3]]);
  return { y, raw, capped: soft, biased, probabilities };
}

/** [batch, length, heads * size] → [batch, heads, length, size]. */
export function splitHeads(c: ExpandContext, t: StaticTensor, heads: number): StaticTensor {
  const [batch, length, width] = t.shape;
  if (heads < 1 || width % heads !== 0) c.fail(`width ${width} does not split into ${heads} heads`);
  return c.one('Transpose', [reshape(c, t, [batch, length, heads, width / heads])], {
    perm: [0, 2, 1, 3],
  });
}

/** The inverse of `splitHeads`. */
export function joinHeads(c: ExpandContext, t: StaticTensor): StaticTensor {
  const [batch, heads, length, size] = t.shape;
  return reshape(c, c.one('Transpose', [t], { perm: [0, 2, 1, 3] }), [batch, length, heads * size]);
}
