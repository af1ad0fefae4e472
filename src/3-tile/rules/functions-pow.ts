// pow. f32: 2^(y log2 |x|) in f64. f64: the logarithm as a sum of two numbers, so that the product
// keeps its last bits. Integers: square and multiply over all bits of the exponent. Exponents that
// are small constants become products and square roots.
import { abs, cast, type Expr, floor, not, sqrt, unary } from '../expr.ts';
import { constOf } from '../rewrite.ts';
import {
  add,
  and,
  bitsOf,
  choose,
  div,
  eq,
  formatOf,
  ge,
  like,
  lt,
  mul,
  ne,
  negatedWhere,
  or,
  shr,
} from './arithmetic.ts';
import { powF64 } from './pow-f64.ts';

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

/** |x|^y in the type of x; limits at zero and infinity included. */
function magnitude(x: Expr, y: Expr): Expr {
  const a = abs(x);
  if (x.dtype === 'f64') return powF64(a, y);
  return cast('f32', unary('exp2', mul(cast('f64', y), unary('log2', cast('f64', a)))));
}

export function pow(x: Expr, y: Expr): Expr {
  if (x.dtype !== 'f32' && x.dtype !== 'f64') return powInteger(x, y);
  const known = constOf(y);
  const direct = known === undefined ? undefined : DIRECT.get(Number(known));
  if (direct) return direct(x);
  const half = mul(y, 0.5);
  const whole = eq(y, floor(y));
  const odd = and(whole, ne(half, floor(half)));
  const a = abs(x);
  const size = magnitude(x, y);
  const signed = choose(and(odd, lt(bitsOf(x), like(bitsOf(x), 0))), negated(size), size);
  const undefinedPower = and(and(lt(x, 0), lt(a, Infinity)), not(whole));
  const y1 = choose(undefinedPower, NaN, signed);
  const one = or(or(eq(y, 0), eq(x, 1)), and(eq(a, 1), eq(abs(y), Infinity)));
  return choose(one, 1, y1);
}

function negated(x: Expr): Expr {
  return negatedWhere(x, like(x, 1, formatOf(x).int), 0);
}

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
  return choose(ge(y, 0), result, inverse);
}
