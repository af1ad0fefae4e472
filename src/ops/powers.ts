// |x|^p and its root for integer p, with the cheap cases written out.
import { abs, constant, type Expr, mul, pow, sqrt } from '../3-tile/expr.ts';

/** |x|^p, p >= 1. */
export function absPower(x: Expr, p: number): Expr {
  if (p === 1) return abs(x);
  if (p === 2) return mul(x, x);
  return pow(abs(x), constant(x.dtype, p));
}

/** x^(1/p) for x >= 0. */
export function root(x: Expr, p: number): Expr {
  if (p === 1) return x;
  if (p === 2) return sqrt(x);
  return pow(x, constant(x.dtype, 1 / p));
}
