// a^y in f64 for a >= 0: 2^(y log2 a) with the logarithm as a sum of two numbers to about 2^-65, so
// that after multiplication by y, up to 1074, the result still has its last bits.
import { abs, cast, type Expr } from '../expr.ts';
import {
  add,
  and,
  bitsOf,
  choose,
  div,
  eq,
  fromBits,
  gt,
  like,
  lt,
  max,
  min,
  mul,
  nearestOf,
  polynomial,
  scale,
  shl,
  shr,
  sub,
} from './arithmetic.ts';
import * as c from '../gen/coefficients.ts';
import { exactProduct } from './turns-f64.ts';

/** high + low, |low| at most an ulp of high. */
interface Sum {
  readonly high: Expr;
  readonly low: Expr;
}

/** a + b as a sum without error, |a| >= |b|. */
function quickSum(a: Expr, b: Expr): Sum {
  const high = add(a, b);
  return { high, low: sub(b, sub(high, a)) };
}

function product(a: Sum, b: Sum): Sum {
  const p = exactProduct(a.high, b.high);
  return quickSum(p.high, add(p.low, add(mul(a.high, b.low), mul(a.low, b.high))));
}

function plus(a: Sum, b: Sum): Sum {
  const s = quickSum(a.high, b.high);
  return quickSum(s.high, add(s.low, add(a.low, b.low)));
}

const ROOT_HALF = 0x3fe6a09e667f3bcdn;

/** log2 of finite a > 0. */
function log2Sum(a: Expr): Sum {
  const small = lt(a, 2 ** -1022);
  const bits = bitsOf(choose(small, mul(a, 2 ** 54), a));
  const k = shr(sub(bits, ROOT_HALF), 52);
  const f = sub(fromBits(sub(bits, shl(k, 52))), 1);
  const exponent = sub(cast('f64', k), choose(small, like(a, 54), 0));
  const u = add(f, 2);
  const uLow = sub(f, sub(u, 2));
  const s = div(f, u);
  const back = exactProduct(s, u);
  const sLow = div(sub(sub(sub(f, back.high), back.low), mul(s, uLow)), u);
  const sum: Sum = { high: s, low: sLow };
  const square = product(sum, sum);
  const cubic = product(product(sum, square), pair(a, c.TWO_THIRDS));
  const z = square.high;
  const rest = mul(mul(mul(z, z), s), polynomial(z, c.LOG_POW));
  const twice: Sum = { high: mul(s, 2), low: mul(sLow, 2) };
  const log = plus(twice, quickSum(cubic.high, add(cubic.low, rest)));
  const scaled = product(log, pair(a, c.LOG2E_POW));
  const whole = quickSum(exponent, scaled.high);
  const alone = eq(exponent, 0);
  const low = add(whole.low, scaled.low);
  return { high: choose(alone, scaled.high, whole.high), low: choose(alone, scaled.low, low) };
}

const pair = (x: Expr, parts: readonly number[]): Sum => ({ high: like(x, parts[0]), low: like(x, parts[1]) });

/** Beyond it every power is 0 or infinite. */
const LIMIT = 1100;

/** a^y with the limits at a = 0 and infinity; NaN where a or y is, and for 1^infinity. */
export function powF64(a: Expr, y: Expr): Expr {
  const ordinary = and(gt(a, 0), lt(a, Infinity));
  const log = log2Sum(a);
  const limit = choose(eq(a, 0), like(a, -Infinity), a);
  const p = exactProduct(y, choose(ordinary, log.high, limit));
  const exact = and(ordinary, lt(abs(p.high), LIMIT));
  const low = choose(exact, add(p.low, mul(y, log.low)), 0);
  const clamped = min(max(p.high, -LIMIT), LIMIT);
  const { whole, n } = nearestOf(clamped);
  const r = add(sub(clamped, whole), low);
  return scale(add(mul(r, polynomial(r, c.EXP2_F64)), 1), n);
}
