// Reduction of f32 angles to quarter turns, correct for every finite argument, in lanes of 32 bits. Up to NEAR: Cody and
// Waite's method, n parts of pi/2 of which three have 12 bits, so that their products with n are exact with and without
// fused sums. Beyond: Payne and Hanek's method, as in turns-f64.ts, with words of 32 bits.
import { abs, bitcast, cast, type Expr } from '../../3-tile/expr.ts';
import { add, and, choose, gt, like, lt, mul, ne, or, shl, shr, sub } from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, nearestOf, upperHalf } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { quickSum } from './sums.ts';
import type { Quarter } from './trig.ts';

/** Below it the nearest number of quarters is below 2^12. */
const NEAR = 6400;

const [PI1, PI2, PI3, PI4] = c.HALF_PI_F32;

function reduceNear(a: Expr): Quarter {
  const { whole, n } = nearestOf(mul(a, 2 / Math.PI));
  const exact = add(add(a, mul(whole, -PI1)), mul(whole, -PI2));
  const third = mul(whole, PI3);
  const r = sub(exact, third);
  const rest = add(sub(sub(exact, r), third), mul(whole, -PI4));
  return { n, r, rest };
}

/** 13 zero bits, then those of 2 / pi, in words of 32 bits: a number of 2^12 starts with the first. */
const WORDS = ((): readonly number[] => {
  const bits = c.TWO_OVER_PI_WORDS.slice(1, 5).reduce((all, w) => (all << 64n) | w, 0n);
  return Array.from({ length: 7 }, (_, i) => Number((bits >> BigInt(256 + 13 - 32 * (i + 1))) & 0xffffffffn));
})();

const u32 = (x: Expr): Expr => bitcast('u32', x);
const LOW_HALF = 0xffff;

/** Four words from word `q` on, q below 4. */
function wordsFrom(q: Expr): Expr[] {
  const [two, one] = [ne(and(q, 2), 0), ne(and(q, 1), 0)];
  const words = WORDS.slice(0, 5).map((w, i) => choose(two, like(q, WORDS[i + 2], 'u32'), like(q, w, 'u32')));
  return words.slice(0, 4).map((w, i) => choose(one, words[i + 1], w));
}

/** The upper 32 bits of the product of a number of 24 bits and one of 32. */
function mulHigh(a: Expr, b: Expr): Expr {
  const [al, ah, bl, bh] = [and(a, LOW_HALF), shr(a, 16), and(b, LOW_HALF), shr(b, 16)];
  const middle = add(add(mul(ah, bl), shr(mul(al, bl), 16)), and(mul(al, bh), LOW_HALF));
  return add(add(mul(ah, bh), shr(middle, 16)), shr(mul(al, bh), 16));
}

/** (a 2/pi) mod 4 as 64 bits: two before the point, 62 after. */
function turns(a: Expr): { high: Expr; low: Expr } {
  const bits = bitsOf(a);
  const m = u32(or(and(bits, 0x7fffff), 0x800000));
  const start = sub(shr(bits, 23), 127 + 12);
  const words = wordsFrom(shr(start, 5));
  const t = u32(and(start, 31));
  const back = sub(31, t);
  const [w0, w1, w2] = [0, 1, 2].map((i) => or(shl(words[i], t), shr(shr(words[i + 1], 1), back)));
  const below = mulHigh(m, w2);
  const low = add(mul(m, w1), below);
  return { high: add(add(mul(m, w0), mulHigh(m, w1)), cast('u32', lt(low, below))), low };
}

function reduceFar(a: Expr): Quarter {
  const { high, low } = turns(a);
  const fraction = bitcast('i32', or(shl(high, 2), shr(low, 30)));
  const f0 = cast('f32', fraction);
  const below = mul(cast('f32', bitcast('i32', shr(shl(low, 2), 1))), 2 ** -31);
  const { high: f, low: fl } = quickSum(f0, add(cast('f32', sub(fraction, cast('i32', f0))), below));
  const h = upperHalf(f);
  const rest = add(sub(f, h), fl);
  const part = add(mul(h, PI2 + PI3), mul(rest, Math.PI / 2));
  const sum = quickSum(mul(h, PI1 * 2 ** -32), mul(part, 2 ** -32));
  const n = add(bitcast('i32', shr(high, 30)), and(bitcast('i32', shr(high, 29)), 1));
  return { n, r: choose(lt(a, Infinity), sum.high, NaN), rest: sum.low };
}

/** |x| as quarter turns: n and the remainder r + rest in radians, |r| <= pi/4. */
export function reduceTurns(x: Expr): Quarter {
  const a = abs(x);
  const far = gt(a, NEAR);
  const [p, q] = [reduceFar(a), reduceNear(a)];
  return { n: choose(far, p.n, q.n), r: choose(far, p.r, q.r), rest: choose(far, p.rest, q.rest) };
}
