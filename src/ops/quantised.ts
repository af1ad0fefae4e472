// What quantised operators share: scales and zero points that are scalars or one per channel, and
// the rounding of a float result to an integer type.

import { add, cast, computeType, constant, type Expr, index, load, max, min, nearest } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { type DType, intRange } from '../ir/dtype.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';

export const BYTES: readonly DType[] = ['i8', 'u8'];

/** Number of elements is 1, or `channels` on one axis. */
export function checkParameter(c: InferContext, i: number, channels: number | null, what: string): void {
  if (!c.has(i)) return;
  const dims = c.dims(i);
  const scalar = dims.length === 0 || (dims.length === 1 && (dims[0] === 1 || !isStatic(dims[0])));
  if (scalar || (channels !== null && dims.length === 1 && dims[0] === channels)) return;
  c.fail(`${what} has shape [${dims}], expected a scalar${channels === null ? '' : ` or [${channels}]`}`);
}

/** The parameter for channel `m`, or the only one. */
export function parameter(t: TileTensor, m?: Expr): Expr {
  if (t.shape.length === 0) return load(t, []);
  return load(t, [t.shape[0] === 1 || m === undefined ? index(0) : m]);
}

/** Zero point of input `i` as i32; 0 when it is absent. */
export function zeroPoint(c: LowerContext, i: number, m?: Expr): Expr {
  return c.has(i) ? cast('i32', parameter(c.tensor(i), m)) : index(0);
}

/** round(value) + zero, limited to the range of `dtype`; `value` is f32, `zero` i32. */
export function requantise(dtype: DType, value: Expr, zero: Expr): Expr {
  const [lo, hi] = intRange(dtype).map(Number);
  const rounded = add(nearest(value), cast('f32', zero));
  const limited = min(max(rounded, constant('f32', lo)), constant('f32', hi));
  return cast(computeType(dtype), limited);
}
