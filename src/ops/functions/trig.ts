// sin, cos, tan and the inverse trigonometric functions. Arguments are reduced to quarters of a turn,
// correctly for every finite x (turns-f32.ts, turns-f64.ts); what the rest and its functions lose to
// rounding is carried along, in f32 to within 0.6 ulp of the result. No branches.
import { abs, type Expr, sqrt } from '../../3-tile/expr.ts';
import {
  add,
  and,
  choose,
  div,
  eq,
  gt,
  like,
  lt,
  max,
  min,
  mul,
  ne,
  polynomial,
  sub,
  xor,
} from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, formatOf, fromBits, negatedWhere, upperHalf, withSign } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { type Sum, total } from './sums.ts';
import { reduceTurns as turnsF32 } from './turns-f32.ts';
import { reduceTurns as turnsF64 } from './turns-f64.ts';

/**
 * |x| = n quarter turns + r + rest radians, |r| <= pi/4; n is an integer of the size of x, the rest about half an ulp of r
 * at most.
 */
export type Quarter = Readonly<{ n: Expr; r: Expr; rest: Expr }>;

/** About -1/6 in 6 bits. */
const CUBIC = -43 / 256;

/** The 6 upper bits of the significand of an f32. */
const upperQuarter = (x: Expr): Expr => fromBits(and(bitsOf(x), -(2 ** 18)));

/**
 * sin and cos of r + rest in f32. h is what 6 bits hold of r: its square and about its cube over 6 are exact, so that
 * only terms below 1/32 of the result are rounded before the last sum.
 */
function sinCosF32({ r, rest }: Quarter): { s: Sum; c: Sum } {
  const h = upperQuarter(r);
  const square = mul(h, h);
  const d = sub(r, h);
  const lost = add(mul(d, add(r, h)), mul(r, mul(rest, 2)));
  const z = add(square, lost);
  const z2 = mul(z, z);
  const third = mul(square, CUBIC);
  const small = add(mul(z2, polynomial(z, c.SIN_SHORT.slice(1))), mul(square, c.SIN_SHORT[0] - CUBIC));
  const sine = add(r, mul(h, third));
  const error = add(sub(r, sine), mul(h, third));
  const cosine = sub(1, mul(square, 0.5));
  const tail = add(mul(r, add(small, mul(lost, c.SIN_SHORT[0]))), add(rest, mul(rest, third)));
  const series = sub(mul(z2, polynomial(z, c.COS_SHORT)), mul(lost, 0.5));
  return {
    s: { high: sine, low: add(error, add(tail, mul(d, third))) },
    c: { high: cosine, low: add(sub(sub(1, cosine), mul(square, 0.5)), series) },
  };
}

/** sin and cos of r + rest in f64; low parts are below 1/8 of high ones. */
function sinCosF64({ r, rest }: Quarter): { s: Sum; c: Sum } {
  const z = mul(r, r);
  const halfSquare = mul(z, 0.5);
  const tail = add(mul(mul(r, z), polynomial(z, c.SIN_F64)), mul(rest, sub(1, halfSquare)));
  const high = sub(1, halfSquare);
  const low = sub(sub(1, high), halfSquare);
  const series = sub(mul(mul(z, z), polynomial(z, c.COS_F64)), mul(r, rest));
  return { s: { high: r, low: tail }, c: { high, low: add(low, series) } };
}

/** Quarters, sine and cosine of the rest of |x|. */
function sinCos(x: Expr): Readonly<{ n: Expr; s: Sum; c: Sum }> {
  const quarter = x.dtype === 'f32' ? turnsF32(x) : turnsF64(x);
  return { n: quarter.n, ...(x.dtype === 'f32' ? sinCosF32 : sinCosF64)(quarter) };
}

const bitSet = (n: Expr, bit: number): Expr => ne(and(n, 1 << bit), 0);
/** The sign bit of x moved onto `value`'s. */
const timesSign = (value: Expr, x: Expr): Expr => fromBits(xor(bitsOf(value), and(bitsOf(x), formatOf(x).sign)));

export function sin(x: Expr): Expr {
  const v = sinCos(x);
  const y = choose(bitSet(v.n, 0), total(v.c), total(v.s));
  return timesSign(negatedWhere(y, v.n, 1), x);
}

export function cos(x: Expr): Expr {
  const v = sinCos(x);
  const y = choose(bitSet(v.n, 0), total(v.s), total(v.c));
  return negatedWhere(y, add(v.n, 1), 1);
}

export function tan(x: Expr): Expr {
  const v = sinCos(x);
  const odd = bitSet(v.n, 0);
  const either = (p: Expr, q: Expr): Expr => choose(odd, p, q);
  const [a, b] = [v.c, v.s].map(({ high, low }, i, all) => {
    const other = all[1 - i];
    return { high: either(high, other.high), low: either(low, other.low) };
  });
  const y = x.dtype === 'f32' ? quotient(a, b) : div(total(a), total(b));
  return timesSign(negatedWhere(y, v.n, 0), x);
}

/** a / b, rounded about once: the upper half of the quotient, and the rest of a over b. */
function quotient(a: Sum, b: Sum): Expr {
  const divisor = total(b);
  const lost = sub(b.low, sub(divisor, b.high));
  const inverse = div(1, divisor);
  const upper = upperHalf(mul(total(a), inverse));
  const h = upperHalf(divisor);
  const rest = sub(sub(a.high, mul(upper, h)), sub(mul(upper, add(sub(divisor, h), lost)), a.low));
  return add(upper, mul(rest, inverse));
}

const TABLES = {
  f32: { atan: c.ATAN_F32, asin: c.ASIN_F32, pi: c.PI_F32 },
  f64: { atan: c.ATAN_F64, asin: c.ASIN_F64, pi: c.PI_F64 },
};
const tableOf = (x: Expr): (typeof TABLES)['f64'] => TABLES[x.dtype === 'f32' ? 'f32' : 'f64'];

const TAN_EIGHTH = Math.SQRT2 - 1;

/** Arc tangent of a/b, 0 <= a <= b, as low + high: of (a - b)/(a + b) plus pi/4 above tan(pi/8), else of a/b. */
function arc(a: Expr, b: Expr): { high: Expr; low: Expr } {
  const { atan: q, pi } = tableOf(a);
  const upper = gt(a, mul(b, TAN_EIGHTH));
  const t = div(choose(upper, sub(a, b), a), choose(upper, add(a, b), b));
  const z = mul(t, t);
  const tail = add(mul(mul(t, z), polynomial(z, q)), choose(upper, like(a, pi[1] / 4), 0));
  return { high: choose(upper, like(a, pi[0] / 4), 0), low: add(t, tail) };
}

/** For |x| > 1: pi/2 - atan(1/|x|). */
export function atan(x: Expr): Expr {
  const { pi } = tableOf(x);
  const a = abs(x);
  const outside = gt(a, 1);
  const { high, low } = arc(choose(outside, 1, a), choose(outside, a, 1));
  const inverse = add(sub(pi[0] / 2, high), sub(pi[1] / 2, low));
  return withSign(choose(outside, inverse, add(high, low)), x);
}

/** The angle of the point (x, y), from -pi to pi, with the sign of y. */
export function atan2(y: Expr, x: Expr): Expr {
  const { pi } = tableOf(x);
  const { sign, bias } = formatOf(x);
  const [ay, ax] = [abs(y), abs(x)];
  const [a, b] = [min(ax, ay), max(ax, ay)];
  const infinite = eq(a, Infinity);
  const shrink = choose(gt(b, 2 ** (bias - 1)), like(b, 0.25), 1);
  const divisor = choose(eq(b, 0), 1, mul(b, shrink));
  const { high, low } = arc(choose(infinite, 1, mul(a, shrink)), choose(infinite, 1, divisor));
  const steep = gt(ay, ax);
  const upHigh = choose(steep, sub(pi[0] / 2, high), high);
  const upLow = choose(steep, sub(pi[1] / 2, low), low);
  const left = ne(and(bitsOf(x), sign), 0);
  const angle = choose(left, add(sub(pi[0], upHigh), sub(pi[1], upLow)), add(upHigh, upLow));
  return withSign(angle, y);
}

/** The arc sine and cosine share pi/2 - 2 asin(sqrt((1 - a) / 2)) above 1/2, a = |x|. */
function arcHalf(x: Expr): { inner: Expr; root: Expr; upper: Expr } {
  const a = abs(x);
  const upper = gt(a, 0.5);
  const z = choose(upper, mul(sub(1, a), 0.5), mul(a, a));
  const t = choose(upper, sqrt(z), a);
  return { inner: mul(mul(t, z), polynomial(z, tableOf(x).asin)), root: t, upper };
}

export function asin(x: Expr): Expr {
  const { pi } = tableOf(x);
  const { inner, root, upper } = arcHalf(x);
  const y = add(root, inner);
  const high = sub(pi[0] / 2, sub(mul(y, 2), pi[1] / 2));
  return withSign(choose(upper, high, y), x);
}

export function acos(x: Expr): Expr {
  const { pi } = tableOf(x);
  const { inner, root, upper } = arcHalf(x);
  const negative = lt(x, 0);
  const y = add(root, inner);
  const middle = sub(pi[0] / 2, sub(timesSign(y, x), pi[1] / 2));
  const twice = mul(y, 2);
  const outer = choose(negative, sub(pi[0], sub(twice, pi[1])), twice);
  return choose(upper, outer, middle);
}
