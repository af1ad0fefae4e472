// Algebra that holds bit for bit in every type it names: floats keep NaN, infinities and the sign of
// zero, and are never reassociated. Integer sums are not here: linear.ts gives them one form.
import { dtypeInfo, intRange } from '../../ir/dtype.ts';
import { abs, add, and, type Expr, mul, neg, not, type Op, or, ROUNDINGS, sub } from '../expr.ts';
import { isIntegral } from '../range.ts';
import { any, bin, com, constOf, lit, num, type Pattern, rule, ruleOn, un, where, withSrc } from '../rewrite.ts';
import type { SimplifyRule } from '../simplify.ts';
import { like } from './arithmetic.ts';
import { compareExprs } from './linear.ts';

const isFloatExpr = (e: Expr): boolean => !isIntegral(e.dtype);
const isIntExpr = (e: Expr): boolean => isIntegral(e.dtype) && e.dtype !== 'bool';
const float = <N extends string>(p: Pattern<N>): Pattern<N> => where(p, isFloatExpr);
const int = <N extends string>(p: Pattern<N>): Pattern<N> => where(p, isIntExpr);
/** Integers and floats alike. */
const number = <N extends string>(p: Pattern<N>): Pattern<N> => where(p, (e) => e.dtype !== 'bool');
const bool = <N extends string>(p: Pattern<N>): Pattern<N> => where(p, (e) => e.dtype === 'bool');
const [x, y] = [any('x'), any('y')];

const ROUNDED: ReadonlySet<Op> = new Set(ROUNDINGS);
/** Whether no value is NaN, infinite or a fraction. */
const isWhole = (e: Expr): boolean => isIntegral(e.dtype) || (e.op === 'cast' && isIntegral(e.src[0].dtype));

/** 1/c where it is exact and normal, so that division by c is multiplication. */
function exactReciprocal(c: Expr): number | undefined {
  const v = constOf(c) as number;
  const inverse = 1 / v;
  const e = Math.log2(Math.abs(v));
  const limit = c.dtype === 'f32' ? 126 : 1022;
  return Number.isInteger(e) && Math.abs(e) <= limit && 2 ** e === Math.abs(v) ? inverse : undefined;
}

export const FLOAT_RULES: readonly SimplifyRule[] = [
  rule('x + -0 = x', float(com('add', x, lit(-0))), (b) => b.x),
  rule('x * -1 = -x', float(com('mul', x, lit(-1))), (b) => neg(b.x)),
  rule('x / 2^k = x * 2^-k', float(bin('div', x, num('c'))), (b) => {
    const inverse = exactReciprocal(b.c);
    return inverse === undefined ? undefined : mul(b.x, like(b.x, inverse));
  }),
  rule('x + -y = x - y', float(com('add', x, un('neg', y))), (b) => sub(b.x, b.y)),
  rule('x - -y = x + y', float(bin('sub', x, un('neg', y))), (b) => add(b.x, b.y)),
  rule('-x * -y = x * y', float(bin('mul', un('neg', x), un('neg', y))), (b) => mul(b.x, b.y)),
  rule('|-x| = |x|', float(un('abs', un('neg', x))), (b) => abs(b.x)),
  rule('||x|| = |x|', float(un('abs', un('abs', x))), (_, __, e) => e.src[0]),
  rule('min(x, inf) = x', float(com('min', x, lit(Infinity))), (b) => b.x),
  rule('max(x, -inf) = x', float(com('max', x, lit(-Infinity))), (b) => b.x),
  rule('min(x, x) = x', bin('min', x, x), (b) => b.x),
  rule('max(x, x) = x', bin('max', x, x), (b) => b.x),
  ruleOn('round(round x) = round x', ROUNDINGS, ({ src: [a] }) => (isWhole(a) || ROUNDED.has(a.op) ? a : undefined)),
  ruleOn('no NaN or infinity in integers', ['isnan', 'isinf'], (e) => (isWhole(e.src[0]) ? like(e, 0) : undefined)),
];

const COMMUTATIVE: readonly Op[] = ['add', 'mul', 'and', 'or', 'xor', 'min', 'max', 'eq', 'ne'];

/** Constants second; in integers, other operands in a fixed order too. */
function ordered(e: Expr): Expr | undefined {
  const [a, b] = e.src;
  if (constOf(a) !== undefined && constOf(b) === undefined) return swap(e);
  if (constOf(b) !== undefined || !isIntegral(a.dtype) || (e.op === 'add' && a.lanes === 1)) return undefined;
  return compareExprs(a, b) > 0 ? swap(e) : undefined;
}

const swap = (e: Expr): Expr => withSrc(e, [e.src[1], e.src[0]]);

const allBits = (e: Expr): number | bigint =>
  e.dtype === 'u32' ? 2 ** 32 - 1 : e.dtype === 'u64' ? 2n ** 64n - 1n : -1;

/** Bit operations and unsigned or vector arithmetic on integers, and what holds of all numbers. */
export const INTEGER_RULES: readonly SimplifyRule[] = [
  ruleOn('constants stand right', COMMUTATIVE, ordered),
  rule('x + 0 = x', int(com('add', x, lit(0))), (b) => b.x),
  rule('x - 0 = x', number(bin('sub', x, lit(0))), (b) => b.x),
  rule('x * 1 = x', number(com('mul', x, lit(1))), (b) => b.x),
  rule('x * 0 = 0', int(com('mul', x, lit(0))), (b) => like(b.x, 0)),
  rule('x / 1 = x', number(bin('div', x, lit(1))), (b) => b.x),
  rule('x / 0 = 0', int(bin('div', x, lit(0))), (b) => like(b.x, 0)),
  rule('x % 1 = 0', int(bin('rem', x, lit(1))), (b) => like(b.x, 0)),
  rule('x % 0 = 0', int(bin('rem', x, lit(0))), (b) => like(b.x, 0)),
  rule('0 / x = 0', int(bin('div', lit(0), x)), (b) => like(b.x, 0)),
  rule('0 % x = 0', int(bin('rem', lit(0), x)), (b) => like(b.x, 0)),
  rule('-(-x) = x', number(un('neg', un('neg', x))), (b) => b.x),
  rule('x & 0 = 0', int(com('and', x, lit(0))), (b) => like(b.x, 0)),
  rule('x & ~0 = x', int(com('and', x, num('c'))), (b) =>
    BigInt(constOf(b.c)!) === BigInt(allBits(b.x)) ? b.x : undefined,
  ),
  rule('x & x = x', bin('and', x, x), (b) => b.x),
  rule('x | x = x', bin('or', x, x), (b) => b.x),
  rule('x | 0 = x', int(com('or', x, lit(0))), (b) => b.x),
  rule('x ^ 0 = x', int(com('xor', x, lit(0))), (b) => b.x),
  rule('x ^ x = 0', bin('xor', x, x), (b) => like(b.x, 0)),
  rule('x << 0 = x', bin('shl', x, lit(0)), (b) => b.x),
  rule('x >> 0 = x', bin('shr', x, lit(0)), (b) => b.x),
  rule('~~x = x', un('not', un('not', x)), (b) => b.x),
];

/** Bools; min, max, add and mul of bools mean and and or. */
export const BOOL_RULES: readonly SimplifyRule[] = [
  rule('min(p, q) = p & q', bool(bin('min', x, y)), (b) => and(b.x, b.y)),
  rule('p * q = p & q', bool(bin('mul', x, y)), (b) => and(b.x, b.y)),
  rule('max(p, q) = p | q', bool(bin('max', x, y)), (b) => or(b.x, b.y)),
  rule('p + q = p | q', bool(bin('add', x, y)), (b) => or(b.x, b.y)),
  rule('p & true = p', bool(com('and', x, lit(1))), (b) => b.x),
  rule('p & false = false', bool(com('and', x, lit(0))), (b) => like(b.x, 0)),
  rule('p | true = true', bool(com('or', x, lit(1))), (b) => like(b.x, 1)),
  rule('p | false = p', bool(com('or', x, lit(0))), (b) => b.x),
  rule('p ^ false = p', bool(com('xor', x, lit(0))), (b) => b.x),
  rule('p ^ true = !p', bool(com('xor', x, lit(1))), (b) => not(b.x)),
  rule('p & !p = false', bool(com('and', x, un('not', x))), (b) => like(b.x, 0)),
  rule('p | !p = true', bool(com('or', x, un('not', x))), (b) => like(b.x, 1)),
  rule('(p == true) = p', com('eq', bool(x), num('c')), (b) => (constOf(b.c) ? b.x : not(b.x))),
  rule('(p != true) = !p', com('ne', bool(x), num('c')), (b) => (constOf(b.c) ? not(b.x) : b.x)),
];

/** Whether the values of a storage type pass through `round` unchanged. */
export const ROUND_RULES: readonly SimplifyRule[] = [
  ruleOn('round x = x for what is already rounded', ['round'], (e, ctx) => {
    if (e.op !== 'round') return undefined;
    const a = e.src[0];
    if (a.op === 'round' && a.arg === e.arg) return a;
    if (a.op === 'load' && a.arg.dtype === e.arg) return a;
    if (isFloatExpr(a) || dtypeInfo(e.arg).kind === 'float') return undefined;
    const range = ctx.ranges.of(a);
    const [lo, hi] = intRange(e.arg);
    return range && range[0] >= Number(lo) && range[1] <= Number(hi) ? a : undefined;
  }),
];
