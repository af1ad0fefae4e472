// Scalar functions that several operators share, as expressions over one compute type. In: an
// expression of type f32 or f64 (or an integer where said). Out: an expression of the same type.
import {
  abs,
  add,
  cast,
  constant,
  type Expr,
  erf,
  exp,
  gt,
  isinf,
  lt,
  max,
  min,
  mul,
  neg,
  select,
  tanh,
  unary,
} from '../3-tile/expr.ts';

export const isFloatExpr = (x: Expr): boolean => x.dtype === 'f32' || x.dtype === 'f64';

/** A constant in the type of `like`. */
export const like = (x: Expr, value: number): Expr => constant(x.dtype, value);

/** The value in a float type fit for real functions: 64-bit integers become f64, other integers f32. */
export function toReal(x: Expr): Expr {
  if (isFloatExpr(x)) return x;
  return cast(x.dtype === 'i64' || x.dtype === 'u64' ? 'f64' : 'f32', x);
}

/** f applied to the real value of x, converted back to x's type (integers truncate). */
export const viaReal = (x: Expr, f: (r: Expr) => Expr): Expr => cast(x.dtype, f(toReal(x)));

export const expm1 = (x: Expr): Expr => unary('expm1', x);
export const log1p = (x: Expr): Expr => unary('log1p', x);

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Expr): Expr => add(max(x, like(x, 0)), log1p(exp(neg(abs(x)))));

/** min(max(x, lo), hi). */
export const clamp = (x: Expr, lo: Expr, hi: Expr): Expr => min(max(x, lo), hi);

/** x / 2 · (1 + erf(x / √2)). */
export const gelu = (x: Expr): Expr => mul(mul(like(x, 0.5), x), add(like(x, 1), erf(mul(x, like(x, Math.SQRT1_2)))));

/** The tanh approximation of gelu. */
export function geluTanh(x: Expr): Expr {
  const cubic = mul(mul(mul(x, x), x), like(x, 0.044715));
  const inner = mul(like(x, Math.sqrt(2 / Math.PI)), add(x, cubic));
  return mul(mul(like(x, 0.5), x), add(like(x, 1), tanh(inner)));
}

/** -1, 0 or 1; NaN stays. */
export function sign(x: Expr): Expr {
  const zero = like(x, 0);
  const unsigned = x.dtype === 'u32' || x.dtype === 'u64';
  const negative = unsigned ? zero : select(lt(x, zero), like(x, -1), isFloatExpr(x) ? x : zero);
  return select(gt(x, zero), like(x, 1), negative);
}

/** x, or 0 where it is infinite: a shift that makes no NaN. */
export const finiteOrZero = (x: Expr): Expr => select(isinf(x), like(x, 0), x);
