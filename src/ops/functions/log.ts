// log, log2, log1p and the inverse hyperbolic functions. x = 2^k (1 + f) with 1 + f between
// sqrt(1/2) and sqrt(2), found by integer arithmetic on the bits; then log(1 + f) and k ln 2 in two
// parts. Zero, negative, infinite and NaN arguments are put right by selections at the end.
import { abs, cast, type Expr, sqrt } from '../../3-tile/expr.ts';
import { add, choose, div, eq, gt, like, lt, mul, polynomial, shl, shr, sub } from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, formatOf, fromBits, withSign } from './float-bits.ts';
import * as c from './gen/coefficients.ts';

/** `rootHalf`: the bits of sqrt(1/2); above `large`, x + 1 = x, and so for its square root. */
const TABLES = {
  f32: { rootHalf: 0x3f3504f3, ln2: c.LN2_F32, log2e: c.LOG2E_F32, large: 2 ** 25 },
  f64: { rootHalf: 0x3fe6a09e667f3bcdn, ln2: c.LN2_F64, log2e: c.LOG2E_F64, large: 2 ** 54 },
};
const tableOf = (x: Expr): (typeof TABLES)['f32' | 'f64'] => TABLES[x.dtype === 'f32' ? 'f32' : 'f64'];

/** x = 2^k (1 + f), k as a float. */
type Reduced = Readonly<{ f: Expr; k: Expr }>;

/** Of positive normal x. */
function reduceNormal(x: Expr): Reduced {
  const { mantissa } = formatOf(x);
  const bits = bitsOf(x);
  const k = shr(sub(bits, tableOf(x).rootHalf), mantissa);
  const f = sub(fromBits(sub(bits, shl(k, mantissa))), 1);
  return { f, k: cast(x.dtype, k) };
}

/** The same for all positive x. */
function reduce(x: Expr): Reduced {
  const { mantissa, minNormal } = formatOf(x);
  const small = lt(x, minNormal);
  const { f, k } = reduceNormal(choose(small, mul(x, 2 ** mantissa), x));
  return { f, k: sub(k, choose(small, like(x, mantissa), 0)) };
}

/** log(1 + f) - f + extra. */
function tail(f: Expr, extra?: Expr): Expr {
  const halfSquare = mul(mul(f, f), 0.5);
  const y = f.dtype === 'f32' ? mul(mul(mul(f, f), f), polynomial(f, c.LOG_F32)) : quotientSeries(f, halfSquare);
  return sub(extra ? add(y, extra) : y, halfSquare);
}

/** s (f^2/2 + z q(z)), s = f / (2 + f), z = s^2. */
function quotientSeries(f: Expr, halfSquare: Expr): Expr {
  const s = div(f, add(f, 2));
  const z = mul(s, s);
  return mul(s, add(halfSquare, mul(z, polynomial(z, c.LOG_F64))));
}

/** log(1 + f) + k ln 2 + extra. */
function sum({ f, k }: Reduced, extra?: Expr): Expr {
  const { ln2 } = tableOf(f);
  const low = mul(k, ln2[1]);
  return add(add(f, tail(f, extra ? add(low, extra) : low)), mul(k, ln2[0]));
}

/** `value` where x > 0 is finite; log's limits elsewhere. */
function withLimits(x: Expr, value: Expr): Expr {
  const positive = choose(eq(x, Infinity), x, value);
  return choose(gt(x, 0), positive, choose(eq(x, 0), like(x, -Infinity), NaN));
}

export const log = (x: Expr): Expr => withLimits(x, sum(reduce(x)));

export function log2(x: Expr): Expr {
  const { log2e } = tableOf(x);
  const { f, k } = reduce(x);
  const y = tail(f);
  const high = mul(f, log2e[0]);
  const low = add(mul(f, log2e[1]), mul(y, Math.LOG2E));
  return withLimits(x, add(add(high, low), k));
}

/** log(u) + (x - (u - 1)) / u with u = 1 + x rounded. */
export function log1p(x: Expr): Expr {
  const u = add(x, 1);
  const lost = choose(lt(x, 1), sub(x, sub(u, 1)), sub(1, sub(u, x)));
  const value = sum(reduceNormal(u), div(lost, u));
  return choose(lt(abs(x), formatOf(x).tiny), x, withLimits(u, value));
}

/** log1p(a + a^2 / (1 + sqrt(1 + a^2))), a = |x|; log(2 a) where a^2 would overflow. */
export function asinh(x: Expr): Expr {
  const a = abs(x);
  const large = gt(a, tableOf(x).large);
  const square = mul(a, a);
  const t = add(a, div(square, add(sqrt(add(square, 1)), 1)));
  const y = log1p(choose(large, a, t));
  return withSign(add(y, choose(large, like(x, Math.LN2), 0)), x);
}

/** log1p(t + sqrt(t (t + 2))), t = x - 1; log(2 x) where x^2 would overflow. */
export function acosh(x: Expr): Expr {
  const large = gt(x, tableOf(x).large);
  const t = sub(x, 1);
  const y = log1p(choose(large, x, add(t, sqrt(mul(t, add(t, 2))))));
  return choose(lt(x, 1), NaN, add(y, choose(large, like(x, Math.LN2), 0)));
}

/** log1p(2 a / (1 - a)) / 2, a = |x|. */
export function atanh(x: Expr): Expr {
  const a = abs(x);
  return withSign(mul(log1p(div(mul(a, 2), sub(1, a))), 0.5), x);
}
