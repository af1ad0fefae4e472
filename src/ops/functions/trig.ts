// sin, cos, tan and the inverse trigonometric functions. Arguments are reduced to quarters of a turn,
// correctly for every finite x: f32 through f64 products with groups of bits of 2/pi, each reduced
// modulo 4 before they are added; f64 in integers (turns-f64.ts). No branches.
import { abs, cast, type Expr, floor, nearest, sqrt } from '../../3-tile/expr.ts';
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
import { bitsOf, formatOf, fromBits, negatedWhere, withSign } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { reduceTurns } from './turns-f64.ts';

/**
 * |x| = n quarter turns + r + rest radians, |r| <= pi/4; r is f64, n an integer of the result's size, the rest below
 * half an ulp of r, or null where r alone is precise enough.
 */
export type Quarter = Readonly<{ n: Expr; r: Expr; rest: Expr | null }>;

/** For f32 arguments: sum over groups of (x 2/pi group) mod 4, whole quarters split off each time. */
function reduceWide(x: Expr): Quarter {
  const a = abs(cast('f64', x));
  let rest: Expr | null = null;
  let quarters: Expr | null = null;
  for (const group of c.TWO_OVER_PI) {
    const product = mul(a, group);
    const part = sub(product, mul(floor(mul(product, 0.25)), 4));
    const sum: Expr = rest ? add(rest, part) : part;
    const whole = nearest(sum);
    rest = sub(sum, whole);
    quarters = quarters ? add(quarters, whole) : whole;
  }
  return { r: mul(rest!, Math.PI / 2), rest: null, n: cast('i32', quarters!) };
}

const reduceAngle = (x: Expr): Quarter => (x.dtype === 'f32' ? reduceWide(x) : reduceTurns(x));

/** sin and cos of r + rest. */
function sinCos({ r, rest }: Quarter): { s: Expr; c: Expr } {
  const z = mul(r, r);
  if (!rest) {
    const s = add(r, mul(mul(r, z), polynomial(z, c.SIN_SHORT)));
    return { s, c: add(sub(1, mul(z, 0.5)), mul(mul(z, z), polynomial(z, c.COS_SHORT))) };
  }
  const tail = add(mul(mul(r, z), polynomial(z, c.SIN_F64)), mul(rest, sub(1, mul(z, 0.5))));
  const halfSquare = mul(z, 0.5);
  const high = sub(1, halfSquare);
  const low = sub(sub(1, high), halfSquare);
  const series = sub(mul(mul(z, z), polynomial(z, c.COS_F64)), mul(r, rest));
  return { s: add(r, tail), c: add(high, add(low, series)) };
}

const bitSet = (n: Expr, bit: number): Expr => ne(and(n, 1 << bit), 0);
/** The sign bit of x moved onto `value`'s. */
const timesSign = (value: Expr, x: Expr): Expr => fromBits(xor(bitsOf(value), and(bitsOf(x), formatOf(x).sign)));

export function sin(x: Expr): Expr {
  const quarter = reduceAngle(x);
  const v = sinCos(quarter);
  const y = cast(x.dtype, choose(bitSet(quarter.n, 0), v.c, v.s));
  return timesSign(negatedWhere(y, quarter.n, 1), x);
}

export function cos(x: Expr): Expr {
  const quarter = reduceAngle(x);
  const v = sinCos(quarter);
  const y = cast(x.dtype, choose(bitSet(quarter.n, 0), v.s, v.c));
  return negatedWhere(y, add(quarter.n, 1), 1);
}

export function tan(x: Expr): Expr {
  const quarter = reduceAngle(x);
  const v = sinCos(quarter);
  const odd = bitSet(quarter.n, 0);
  const y = cast(x.dtype, div(choose(odd, v.c, v.s), choose(odd, v.s, v.c)));
  return timesSign(negatedWhere(y, quarter.n, 0), x);
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
