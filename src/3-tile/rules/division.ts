// Division and remainder of linear forms by a positive constant: what makes reshapes, transposes and
// concatenations of indices vanish. In: numerator, divisor, ranges. Out: quotient and remainder with
// fewer divisions, or undefined. Division truncates, so forms that may be negative are mostly left.
import { constant, div, type Expr, rem } from '../expr.ts';
import { fits, type Ranges } from '../range.ts';
import { fromLinear, type Linear, linearOf, linearRange } from './linear.ts';

export type Divided = { readonly quotient: Expr; readonly remainder: Expr };

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

const linear = ({ dtype }: Linear, terms: Iterable<[Expr, number]>, c: number): Linear => {
  return { dtype, terms: new Map(terms), constant: c };
};
const constantLike = (l: Linear, v: number): Expr => constant(l.dtype, l.dtype === 'i64' ? BigInt(v) : v);

/** The parts of l = c q + r with 0 <= coefficients of r < c. */
function splitBy(l: Linear, c: number): { q: Linear; r: Linear } {
  const q: [Expr, number][] = [];
  const r: [Expr, number][] = [];
  for (const [e, k] of l.terms) {
    const whole = Math.floor(k / c);
    if (whole !== 0) q.push([e, whole]);
    if (k - whole * c !== 0) r.push([e, k - whole * c]);
  }
  const whole = Math.floor(l.constant / c);
  return { q: linear(l, q, whole), r: linear(l, r, l.constant - whole * c) };
}

/** n / c and n % c rewritten, or undefined where nothing is known to help. */
export function divide(n: Expr, c: number, ranges: Ranges): Divided | undefined {
  const l = linearOf(n);
  if (!l) return undefined;
  const range = linearRange(l, ranges);
  if (!range) return undefined;
  const { q, r } = splitBy(l, c);
  if (r.terms.size === 0 && r.constant === 0) {
    return { quotient: fromLinear(q), remainder: constantLike(l, 0) };
  }
  if (range[0] < 0) return undefined;
  const rest = linearRange(r, ranges);
  if (!rest || rest[0] < 0) return undefined;
  if (rest[1] < c) return linearRange(q, ranges) && { quotient: fromLinear(q), remainder: fromLinear(r) };
  const inner = reduceFraction(r, c, ranges);
  if (!inner && q.terms.size === 0 && q.constant === 0) return undefined;
  const { quotient, remainder } = inner ?? plain(r, c);
  return { quotient: fromLinear(sumOf(q, [[quotient, 1]])), remainder };
}

/** The form with more terms. */
function sumOf(l: Linear, more: Iterable<readonly [Expr, number]>): Linear {
  const terms = new Map(l.terms);
  for (const [e, k] of more) terms.set(e, (terms.get(e) ?? 0) + k);
  return { ...l, terms };
}

const plain = (r: Linear, c: number): Divided => {
  const x = fromLinear(r);
  return { quotient: div(x, constantLike(r, c)), remainder: rem(x, constantLike(r, c)) };
};

/**
 * r = g m + s with 0 <= s < g and g dividing c: r / c = m / (c / g) and r % c = g (m % (c / g)) + s.
 * The largest g that works is taken.
 */
function reduceFraction(r: Linear, c: number, ranges: Ranges): Divided | undefined {
  const candidates = new Set([...r.terms.values()].map((k) => gcd(k, c)));
  for (const g of [...candidates].sort((a, b) => b - a)) {
    if (g <= 1) return undefined;
    const m: [Expr, number][] = [];
    const s: [Expr, number][] = [];
    for (const [e, k] of r.terms) {
      if (k % g === 0) m.push([e, k / g]);
      else s.push([e, k]);
    }
    const small = linear(r, s, r.constant % g);
    const large = linear(r, m, Math.floor(r.constant / g));
    const smallRange = linearRange(small, ranges);
    const largeRange = linearRange(large, ranges);
    if (!smallRange || smallRange[0] < 0 || smallRange[1] >= g) continue;
    if (!largeRange || largeRange[0] < 0 || !fits(r.dtype, [0, c])) continue;
    const inner = c === g ? { quotient: fromLinear(large), remainder: constantLike(r, 0) } : plain(large, c / g);
    const remainder = linearOf(inner.remainder)!;
    const scaled = [...remainder.terms].map(([e, k]): [Expr, number] => [e, k * g]);
    const sum = sumOf(linear(r, scaled, remainder.constant * g + small.constant), small.terms);
    return { quotient: inner.quotient, remainder: fromLinear(sum) };
  }
  return undefined;
}
