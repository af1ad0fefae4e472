// Values as sums of two floats, the second what the first leaves out, for functions that need more digits on the way than
// their type has. In: expressions of one float type. Out: such sums, with and without fused multiply-adds.
import type { Expr } from '../../3-tile/expr.ts';
import { add, mul, sub } from '../../3-tile/rules/arithmetic.ts';
import { upperHalf } from './float-bits.ts';

/** high + low; how small the low part is, who makes one says. */
export type Sum = Readonly<{ high: Expr; low: Expr }>;

export const total = ({ high, low }: Sum): Expr => add(high, low);

/** a + b without error, |a| >= |b|. */
export function quickSum(a: Expr, b: Expr): Sum {
  const high = add(a, b);
  return { high, low: sub(b, sub(high, a)) };
}

/** a b of f64, to about 2^-79, high with 26 bits. */
export function exactProduct(a: Expr, b: Expr): Sum {
  const high = upperHalf(mul(a, b));
  const [ah, bh] = [upperHalf(a), upperHalf(b)];
  const [al, bl] = [sub(a, ah), sub(b, bh)];
  const low = add(add(add(sub(mul(ah, bh), high), mul(ah, bl)), mul(al, bh)), mul(al, bl));
  return { high, low };
}
