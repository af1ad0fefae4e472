// |x|^y of f32 in lanes of 32 bits, within 1 ulp: 2^(y log2 a) with the logarithm, its product with y and the sum of
// the power's series each as a sum of two numbers. Factors of 12 bits make the leading products exact, with and without
// fused sums.
import { abs, cast, type Expr } from '../../3-tile/expr.ts';
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
  polynomial,
  shl,
  shr,
  sub,
} from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, fromBits, nearestOf, scale, upperHalf } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { quickSum, type Sum } from './sums.ts';

/** About 2^(j/8), in 9 bits; the nearest of a fraction is within 1/16 of an octave, or little more. */
const CENTRES = [-3, -2, -1, 0, 1, 2, 3, 4].map((j) => Math.round(2 ** (j / 8 + 8)) / 2 ** 8);
const highLog = (centre: number): number => Math.round(Math.log2(centre) * 2 ** 15) / 2 ** 15;
/** The bits of the least fraction, and of the least that is nearest to each other centre. */
const BOUNDS = CENTRES.map((_, i) => new Int32Array(new Float32Array([2 ** ((2 * i - 7) / 16)]).buffer)[0]);

/** The value that belongs to the centre of a fraction with these bits. */
function ofCentre(bits: Expr, x: Expr, value: (centre: number) => number): Expr {
  const [first, ...others] = CENTRES.map((centre) => like(x, value(centre)));
  return others.reduce((chosen, v, i) => choose(lt(bits, BOUNDS[i + 1]), chosen, v), first);
}

/**
 * log2 of finite a > 0: k + log2 of a centre + 2/ln 2 (s + s^3/3 + ...), s = (m - centre) / (m + centre). The low part is
 * at most about 2^-11 of the high one.
 */
function log2Sum(a: Expr): Sum {
  const small = lt(a, 2 ** -126);
  const bits = bitsOf(choose(small, mul(a, 2 ** 23), a));
  const k = shr(sub(bits, BOUNDS[0]), 23);
  const fraction = sub(bits, shl(k, 23));
  const m = fromBits(fraction);
  const centre = ofCentre(fraction, a, (x) => x);
  const whole = add(sub(cast('f32', k), choose(small, like(a, 23), 0)), ofCentre(fraction, a, highLog));
  const [p, q] = [sub(m, centre), add(m, centre)];
  const inverse = div(1, q);
  const quotient = mul(p, inverse);
  const [s, qh] = [upperHalf(quotient), upperHalf(q)];
  const ql = add(sub(q, qh), sub(m, sub(q, centre)));
  const sl = mul(sub(sub(p, mul(s, qh)), mul(s, ql)), inverse);
  const t = add(s, sl);
  const z = mul(t, t);
  const series = add(mul(s, c.TWICE_LOG2E_F32[1]), mul(t, mul(z, polynomial(z, c.LOG2_POW_F32))));
  const low = add(
    add(mul(sl, 2 * Math.LOG2E), series),
    ofCentre(fraction, a, (x) => Math.log2(x) - highLog(x)),
  );
  const leading = mul(s, c.TWICE_LOG2E_F32[0]);
  const sum = quickSum(whole, leading);
  return { high: sum.high, low: add(sum.low, low) };
}

/** 2^(high + low) for a high part from -155 to 130; subnormal results are rounded once. */
function exp2Sum({ high, low }: Sum): Expr {
  const { whole, n, power } = nearestOf(add(high, low));
  const rest = sub(high, whole);
  const r = add(rest, low);
  const h = upperHalf(rest);
  const leading = mul(h, c.LN2_POW_F32[0]);
  const tail = add(mul(add(sub(rest, h), low), Math.LN2), mul(h, c.LN2_POW_F32[1]));
  const series = add(tail, mul(mul(r, r), polynomial(r, c.EXP2_POW_F32)));
  const sum = add(leading, 1);
  // A number whose last bit is that of the scaled result, added and taken away.
  const grid = choose(lt(n, -126), fromBits(shl(sub(1, n), 23)), like(high, 0));
  const aligned = add(grid, sum);
  const lost = add(sub(sum, sub(aligned, grid)), add(sub(leading, sub(sum, 1)), series));
  return scale(sub(add(aligned, lost), grid), power);
}

/** Beyond it every power is 0 or infinite. */
const LIMIT = 200;

/** a^y with the limits at a = 0 and infinity; NaN where a or y is, and for 1^infinity. */
export function powF32(a: Expr, y: Expr): Expr {
  const ordinary = and(lt(0, a), lt(a, Infinity));
  const log = log2Sum(a);
  const limit = choose(eq(a, 0), like(a, -Infinity), a);
  const rough = mul(y, choose(ordinary, log.high, limit));
  const [yh, h] = [upperHalf(y), upperHalf(log.high)];
  const [yl, l] = [sub(y, yh), sub(log.high, h)];
  const low = add(add(mul(yh, l), mul(yl, h)), add(mul(yl, l), mul(y, log.low)));
  const exact = and(ordinary, lt(abs(rough), LIMIT));
  const high = min(max(choose(exact, mul(yh, h), rough), -155), 130);
  return exp2Sum({ high, low: choose(exact, low, 0) });
}
