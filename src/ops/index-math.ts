// Small index arithmetic for operators: i32 expressions times and plus numbers, range guards, and
// clamps. Trivial cases are left out so that printed programs stay readable.
import { add, and, cast, constant, type Expr, ge, index, isConst, lt, max, min, mul } from '../3-tile/expr.ts';

/** e * n. */
export const times = (e: Expr, n: number): Expr => (n === 1 ? e : mul(e, index(n)));

/** e + n. */
export const plus = (e: Expr, n: number): Expr => (n === 0 ? e : add(e, index(n)));

/** True when all conditions hold; an empty list is true. */
export const allOf = (conditions: readonly Expr[]): Expr =>
  conditions.length === 0 ? constant('bool', 1) : conditions.reduce(and);

/** 0 <= e < extent. */
export const within = (e: Expr, extent: number): Expr => and(ge(e, index(0)), lt(e, index(extent)));

/** e limited to 0 … extent - 1. */
export const clampIndex = (e: Expr, extent: number): Expr => max(min(e, index(Math.max(extent - 1, 0))), index(0));

/** Row-major flat i32 index of `ix` below `extents`. */
export function flatIndex(ix: readonly Expr[], extents: readonly number[]): Expr {
  let flat: Expr = index(0);
  for (const [i, e] of ix.entries()) {
    const scaled = times(flat, extents[i]);
    flat = isConst(flat) && flat.arg === 0 ? e : add(scaled, e);
  }
  return flat;
}

/** A float constant of the type of `like`. */
export const like = (x: Expr, value: number): Expr => constant(x.dtype, value);

/** An i32 index as a number of a float type. */
export const toFloat = (dtype: 'f32' | 'f64', e: Expr): Expr => cast(dtype, e);
