// Reduction of f64 angles to quarter turns, correct for every finite argument (Payne and Hanek's
// method). x = m 2^e; the bits of 2/pi that matter for (x 2/pi) modulo 4 form a window of 192 bits
// that starts where e says; the integer product with m gives the quarter and 126 bits of fraction.
import { abs, bitcast, cast, type Expr, select } from '../../3-tile/expr.ts';
import { add, and, choose, like, lt, max, mul, ne, or, shl, shr, sub } from '../../3-tile/rules/arithmetic.ts';
import { bitsOf } from './float-bits.ts';
import * as c from './gen/coefficients.ts';
import { exactProduct, quickSum } from './sums.ts';
import type { Quarter } from './trig.ts';

const u64 = (x: Expr): Expr => bitcast('u64', x);

/** Four words of the table from word `q` on: the table is shifted by the bits of q, largest first. */
function wordsFrom(q: Expr): Expr[] {
  const shape = u64(q);
  let words = c.TWO_OVER_PI_WORDS.map((w) => like(shape, w));
  for (const bit of [16, 8, 4, 2, 1]) {
    const set = ne(and(q, bit), 0);
    const keep = bit === 16 ? words.length : bit + 3;
    words = words.slice(0, keep).map((w, i) => (words[i + bit] ? select(set, words[i + bit], w) : w));
  }
  return words;
}

const LOW_HALF = 0xffffffffn;

/** The upper 64 bits of a product. */
function mulHigh(a: Expr, b: Expr): Expr {
  const [al, ah, bl, bh] = [and(a, LOW_HALF), shr(a, 32), and(b, LOW_HALF), shr(b, 32)];
  const middle = add(mul(ah, bl), shr(mul(al, bl), 32));
  const other = add(mul(al, bh), and(middle, LOW_HALF));
  return add(add(mul(ah, bh), shr(middle, 32)), shr(other, 32));
}

/** (m 2^e 2/pi) mod 4 as 128 bits: two before the point, 126 after. */
function turns(m: Expr, e: Expr): { high: Expr; low: Expr } {
  const start = max(add(e, 62), 0);
  const t = u64(and(start, 63));
  const back = sub(63, t);
  const words = wordsFrom(shr(start, 6));
  const [w0, w1, w2] = [0, 1, 2].map((i) => or(shl(words[i], t), shr(shr(words[i + 1], 1), back)));
  const below = mulHigh(m, w2);
  const low = add(mul(m, w1), below);
  const carry = cast('u64', lt(low, below));
  return { high: add(add(mul(m, w0), mulHigh(m, w1)), carry), low };
}

/** |x| as quarter turns: n and the remainder r + rest in radians, |r| <= pi/4. */
export function reduceTurns(x: Expr): Quarter {
  const a = abs(x);
  const bits = bitsOf(a);
  const m = u64(or(and(bits, 2n ** 52n - 1n), 2n ** 52n));
  const e = sub(shr(bits, 52), 1075);
  const { high, low } = turns(m, e);
  const fraction = bitcast('i64', or(shl(high, 2), shr(low, 62)));
  const f0 = cast('f64', fraction);
  const below = mul(cast('f64', shl(low, 2)), 2 ** -64);
  const f1 = add(cast('f64', sub(fraction, cast('i64', f0))), below);
  const sum = quickSum(f0, f1);
  const [h, l] = [mul(sum.high, 2 ** -64), mul(sum.low, 2 ** -64)];
  const product = exactProduct(h, like(h, c.PI_F64[0] / 2));
  const { high: r, low: lost } = quickSum(product.high, product.low);
  const lowParts = add(mul(h, c.PI_F64[1] / 2), mul(l, Math.PI / 2));
  const small = lt(a, Math.PI / 4);
  const n = add(bitcast('i64', shr(high, 62)), and(shr(fraction, 63), 1));
  const rest = choose(small, 0, add(lost, lowParts));
  return { r: choose(small, a, choose(lt(a, Infinity), r, NaN)), rest, n: choose(small, 0, n) };
}
