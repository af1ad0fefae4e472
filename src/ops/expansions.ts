// Short forms of what expansions emit again and again: reshapes, slices, and tensors of zeros or of
// positions, which stay nodes when they are large.
import type { DType } from '../ir/dtype.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

const list = (c: ExpandContext, values: readonly number[]): StaticTensor =>
  c.constant('i64', [values.length], values.map(BigInt));

/** Part `i` of the leading axis. */
export function part(c: ExpandContext, t: StaticTensor, i: number): StaticTensor {
  const rest = t.shape.slice(1);
  if (t.shape[0] === 1) return reshape(c, t, rest);
  return c.one('TakeRow', [t, c.constant('i64', [], [BigInt(i)])], {}, 'tilewright');
}

export function reshape(c: ExpandContext, t: StaticTensor, shape: readonly number[]): StaticTensor {
  return c.one('Reshape', [t, list(c, shape)], { allowzero: 1 });
}

/** Elements from..to of an axis. */
export const slice = (c: ExpandContext, t: StaticTensor, axis: number, from: number, to: number): StaticTensor =>
  c.one('Slice', [t, list(c, [from]), list(c, [to]), list(c, [axis]), list(c, [1])]);

/** Elements from..to of the last axis. */
export const columns = (c: ExpandContext, t: StaticTensor, from: number, to: number): StaticTensor =>
  slice(c, t, t.shape.length - 1, from, to);

/** A tensor of zeros. */
export const zeros = (c: ExpandContext, dtype: DType, shape: readonly number[]): StaticTensor =>
  c.one('Expand', [c.constant(dtype, [], [0]), list(c, shape)]);

/** 0 … count - 1 as i64, shaped [1…, count] with `rank` axes. */
export function positions(c: ExpandContext, count: number, rank: number): StaticTensor {
  const [from, to, step] = [0, count, 1].map((v) => c.constant('i64', [], [BigInt(v)]));
  const shape = [...new Array<number>(rank - 1).fill(1), count];
  return reshape(c, c.one('Range', [from, to, step]), shape);
}
