// Scaled dot-product attention as matrix products and a softmax, for every attention operator.
// Grouped queries share a key head without copying it: products repeat its matrices over the group.
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
  /** Added to the scores; broadcasts to [batch, heads, queries, keys], and has four axes where heads share keys. */
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

/** The bias beside scores whose heads are [key heads, group]. */
function groupedBias(c: ExpandContext, bias: StaticTensor, group: readonly number[]): StaticTensor {
  const [batch, heads, queries, keys] = bias.shape;
  return reshape(c, bias, [batch, ...(heads === 1 ? [1, 1] : group), queries, keys]);
}

export function attend(c: ExpandContext, a: AttentionCore): AttentionResult {
  const { q, k, v } = a;
  checkShapes(c, q, k, v);
  const [batch, heads, queries, size] = q.shape;
  const [, keyHeads, keys] = k.shape;
  // Heads that share keys are an axis of their own all the way, so that a tile of rows is one in every operator.
  const shared = heads > keyHeads;
  const split = (t: StaticTensor, own: readonly number[], last: readonly number[]): StaticTensor =>
    shared ? reshape(c, t, [batch, ...own, ...last]) : t;
  const group = [keyHeads, heads / keyHeads];
  const whole = (t: StaticTensor): StaticTensor => (shared ? reshape(c, t, [batch, heads, queries, keys]) : t);
  const modified = (t: StaticTensor, by?: AttentionCore['scoreMod']): StaticTensor =>
    by ? split(by(whole(t)), group, [queries, keys]) : t;
  // Halves of the scale on either side keep narrow types from overflowing; wide ones need no second pass.
  const narrow = q.dtype === 'f16' || q.dtype === 'bf16';
  const [left, right] = narrow ? [Math.sqrt(a.scale), Math.sqrt(a.scale)] : [a.scale, 1];
  const grouped = split(scaled(c, q, left), group, [queries, size]);
  const turned = c.one('Transpose', [scaled(c, k, right)], { perm: [0, 1, 3, 2] });
  const raw = c.one('MatMul', [grouped, split(turned, [keyHeads, 1], [size, keys])]);
  const soft = capped(c, raw, a.softcap);
  const bias = a.bias && shared ? groupedBias(c, a.bias, group) : a.bias;
  const biased = bias ? c.one('Add', [soft, castTo(c, bias, soft.dtype)]) : soft;
  const wide = castTo(c, biased, a.softmaxType ?? biased.dtype);
  const normal = c.one('Softmax', [modified(wide, a.scoreMod)], { axis: -1 });
  const safe = bias && a.guarded ? guard(c, normal, bias) : normal;
  const probabilities = modified(safe, a.probMod);
  const weights = castTo(c, probabilities, v.dtype);
  const y = c.one('MatMul', [weights, split(v, [keyHeads, 1], v.shape.slice(2))]);
  return {
    y: shared ? reshape(c, y, [batch, heads, queries, v.shape[3]]) : y,
    raw: whole(raw),
    capped: whole(soft),
    biased: whole(biased),
    probabilities: whole(probabilities),
  };
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
