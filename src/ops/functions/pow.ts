// pow: 2^(y log2 |x|), the logarithm as a sum of two numbers, so that the product keeps its last bits (f32: pow-f32.ts).
// Integers: square and multiply over the bits of the exponent. Small constant exponents: products and square roots.
import { abs, cast, type Expr, floor, not, sqrt } from '../../3-tile/expr.ts';
import { constOf } from '../../3-tile/rewrite.ts';
import {
  add,
  and,
  choose,
  div,
  eq,
  like,
  lt,
  max,
  min,
  mul,
  ne,
  or,
  polynomial,
  shl,
  shr,
  sub,
} from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, formatOf, fromBits, nearestOf, negatedWhere, scale } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { powF32 } from './pow-f32.ts';
import { exactProduct, quickSum, type Sum } from './sums.ts';

const reciprocal = (x: Expr): Expr => div(1, x);
const square = (x: Expr): Expr => mul(x, x);
/** As pow has it: the root of -0 is 0, of -infinity infinity. */
const root = (x: Expr): Expr => choose(eq(x, -Infinity), Infinity, sqrt(add(x, 0)));

/** Exponents with a direct form, at most two roundings. */
const DIRECT: ReadonlyMap<number, (x: Expr) => Expr> = new Map([
  [0, (x: Expr) => like(x, 1)],
  [1, (x: Expr) => x],
  [2, square],
  [3, (x: Expr) => mul(square(x), x)],
  [4, (x: Expr) => square(square(x))],
  [-1, reciprocal],
  [-2, (x: Expr) => square(reciprocal(x))],
  [0.5, root],
  [-0.5, (x: Expr) => reciprocal(root(x))],
]);

export function pow(x: Expr, y: Expr): Expr {
  if (x.dtype !== 'f32' && x.dtype !== 'f64') return powInteger(x, y);
  const known = constOf(y);
  const direct = known === undefined ? undefined : DIRECT.get(Number(known));
  if (direct) return direct(x);
  const half = mul(y, 0.5);
  const whole = eq(y, floor(y));
  const odd = and(whole, ne(half, floor(half)));
  const a = abs(x);
  const size = (x.dtype === 'f32' ? powF32 : powF64)(a, y);
  const signed = choose(and(odd, lt(bitsOf(x), like(bitsOf(x), 0))), negated(size), size);
  const undefinedPower = and(and(lt(x, 0), lt(a, Infinity)), not(whole));
  const y1 = choose(undefinedPower, NaN, signed);
  const one = or(or(eq(y, 0), eq(x, 1)), and(eq(a, 1), eq(abs(y), Infinity)));
  return choose(one, 1, y1);
}

const negated = (x: Expr): Expr => negatedWhere(x, like(x, 1, formatOf(x).int), 0);

/** Negative exponents give 0, but for the bases 1 and -1. */
function powInteger(x: Expr, y: Expr): Expr {
  const signed = x.dtype === 'i32' || x.dtype === 'i64';
  const bits = (x.dtype === 'i64' || x.dtype === 'u64' ? 64 : 32) - (signed ? 1 : 0);
  let result = like(x, 1);
  let base = x;
  for (let i = 0; i < bits; i++) {
    const set = ne(and(i === 0 ? y : shr(y, i), 1), 0);
    result = choose(set, i === 0 ? base : mul(result, base), result);
    if (i < bits - 1) base = mul(base, base);
  }
  if (!signed) return result;
  const oddPower = ne(and(y, 1), 0);
  const inverse = choose(eq(x, 1), like(x, 1), choose(eq(x, -1), choose(oddPower, like(x, -1), 1), 0));
  return choose(lt(y, 0), inverse, result);
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
function powF64(a: Expr, y: Expr): Expr {
  const ordinary = and(lt(0, a), lt(a, Infinity));
  const log = log2Sum(a);
  const limit = choose(eq(a, 0), like(a, -Infinity), a);
  const p = exactProduct(y, choose(ordinary, log.high, limit));
  const exact = and(ordinary, lt(abs(p.high), LIMIT));
  const low = choose(exact, add(p.low, mul(y, log.low)), 0);
  const clamped = min(max(p.high, -LIMIT), LIMIT);
  const { whole, power } = nearestOf(clamped);
  const r = add(sub(clamped, whole), low);
  return scale(add(mul(r, polynomial(r, c.EXP2_F64)), 1), power);
}
