// Index arithmetic: canonical sums, and divisions, remainders, minima and comparisons that ranges
// decide. Everything is exact for wrapping integers; see linear.ts for the algebra.
import { type BinaryOp, binary, COMPARISONS, constant, div, type Expr, rem, words } from '../expr.ts';
import { COMPARE, fits, isIntegral } from '../range.ts';
import { any, bin, num, rule, ruleOn, withSrc } from '../rewrite.ts';
import type { SimplifyContext, SimplifyRule } from '../simplify.ts';
import { like } from './arithmetic.ts';
import type { Divided, Linear } from './linear.ts';
import { divide, fromLinear, intOf, isLinearType, joinDivRem, linearOf, linearRange, plus } from './linear.ts';

/** The sum in its one form; remainders joined with their quotients. */
function canonicalSum(e: Expr, ctx: SimplifyContext): Expr | undefined {
  let l = isLinearType(e) ? linearOf(e) : undefined;
  if (!l) return undefined;
  const quotient = (y: Expr, c: number): Expr => quotientOf(y, c, ctx);
  for (let joined = joinDivRem(l, quotient); joined; joined = joinDivRem(joined, quotient)) l = joined;
  return fromLinear(l);
}

/** y / c as the rules below write it. */
function quotientOf(y: Expr, c: number, ctx: SimplifyContext): Expr {
  const inner = y.op === 'div' ? positive(y.src[1]) : undefined;
  const nested = inner !== undefined && fits(y.dtype, [inner * c, inner * c]);
  const [base, by] = nested ? [y.src[0], inner * c] : [y, c];
  if (isSmall(base, by, ctx)) return like(y, 0);
  return divide(base, by, ctx.ranges)?.quotient ?? div(base, like(y, by));
}

/** A linear operand and a divisor above 1. */
function divisor(e: Expr): number | undefined {
  if (!isLinearType(e)) return undefined;
  const c = intOf(e.src[1]);
  return c !== undefined && c > 1 ? c : undefined;
}

/** |x| < c. */
function isSmall(x: Expr, c: number, ctx: SimplifyContext): boolean {
  const r = ctx.ranges.of(x)!;
  return r[0] > -c && r[1] < c;
}

const quotient = (e: Expr, ctx: SimplifyContext): Expr | undefined => divided(e, ctx, () => like(e, 0), 'quotient');
const remainder = (e: Expr, ctx: SimplifyContext): Expr | undefined => divided(e, ctx, () => e.src[0], 'remainder');

function divided(e: Expr, ctx: SimplifyContext, small: () => Expr, part: keyof Divided): Expr | undefined {
  const c = divisor(e);
  if (c === undefined) return undefined;
  return isSmall(e.src[0], c, ctx) ? small() : divide(e.src[0], c, ctx.ranges)?.[part];
}

/** min and max of operands whose order is known. */
function extreme(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const [a, b] = e.src;
  const [ra, rb] = [ctx.ranges.of(a), ctx.ranges.of(b)];
  if (!ra || !rb || a.dtype === 'bool') return undefined;
  const d = difference(a, b, ctx);
  const aFirst = ra[1] <= rb[0] || (d && d[1] <= 0);
  const bFirst = rb[1] <= ra[0] || (d && d[0] >= 0);
  if (aFirst) return e.op === 'min' ? a : b;
  return bFirst ? (e.op === 'min' ? b : a) : undefined;
}

/** The range of a - b as true integers. */
function difference(a: Expr, b: Expr, ctx: SimplifyContext): readonly [number, number] | undefined {
  if (!isLinearType(a)) return undefined;
  const [la, lb] = [linearOf(a), linearOf(b)];
  if (!la || !lb || !linearRange(la, ctx.ranges) || !linearRange(lb, ctx.ranges)) return undefined;
  return linearRange({ ...plus(la, lb.terms, -1), constant: la.constant - lb.constant }, ctx.ranges);
}

const REVERSED: Partial<Record<Expr['op'], BinaryOp>> = { lt: 'gt', le: 'ge', gt: 'lt', ge: 'le', eq: 'eq', ne: 'ne' };

function comparison(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const [a, b] = e.src;
  if (!isIntegral(a.dtype) || a.lanes > 1) return undefined;
  const d = difference(a, b, ctx);
  const known = d && COMPARE[e.op]!(d, [0, 0]);
  if (known && known[0] === known[1]) return constant('bool', known[0]);
  if (intOf(a) !== undefined && intOf(b) === undefined) return binary(REVERSED[e.op]!, b, a);
  return moveConstant(e, ctx);
}

/** (k t + c < d) = (t < ceil((d - c) / k)): one term, no overflow. */
function moveConstant(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const [a, b] = e.src;
  const limit = intOf(b);
  const l = limit !== undefined && isLinearType(a) ? linearOf(a) : undefined;
  if (!l || limit === undefined || (l.constant === 0 && l.terms.size !== 1)) return undefined;
  if (!linearRange(l, ctx.ranges)) return undefined;
  const rest = limit - l.constant;
  if (Math.abs(rest) > 2 ** 50) return undefined;
  const [[t, k]] = l.terms.size === 1 ? l.terms : [[a, 0] as [Expr, number]];
  const scaled = k === 0 ? undefined : dividedLimit(e.op, rest, k);
  const moved: Linear = { ...l, constant: 0 };
  if (scaled !== undefined && !fits(l.dtype, [scaled.limit, scaled.limit])) return undefined;
  if (scaled) return binary(scaled.op, t, like(a, scaled.limit));
  if (l.constant === 0 || !fits(l.dtype, [rest, rest]) || !linearRange(moved, ctx.ranges)) return undefined;
  return withSrc(e, [fromLinear(moved), like(b, rest)]);
}

/** (k t op rest) as (t op' limit); nothing for a coefficient of 1 without constant. */
function dividedLimit(op: Expr['op'], rest: number, k: number): { op: BinaryOp; limit: number } | undefined {
  const side = (k > 0 ? op : REVERSED[op]!) as BinaryOp;
  const exact = rest / k;
  if (op === 'eq' || op === 'ne') return Number.isInteger(exact) ? { op: side, limit: exact } : undefined;
  const up = side === 'lt' || side === 'ge';
  return { op: side, limit: up ? Math.ceil(exact) : Math.floor(exact) };
}

/** A value that its range pins down. */
function pinned(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const r = isIntegral(e.dtype) ? ctx.ranges.of(e) : undefined;
  return r && r[0] === r[1] && e.op !== 'const' && e.op !== 'splat' ? like(e, r[0]) : undefined;
}

/** Ops whose range may be one value where their operands' are not. */
const NARROWED = words('eq ne lt le gt ge axis local load rem div min max and or xor not shr abs cast select');

const positive = (e: Expr): number | undefined => {
  const v = intOf(e);
  return v !== undefined && v > 0 ? v : undefined;
};

/** a / b of positive constants where it is whole, else 0. */
const multiple = (a: Expr, b: Expr): number => {
  const i = (positive(a) ?? 0) / (positive(b) ?? 1);
  return positive(b) !== undefined && Number.isInteger(i) ? i : 0;
};

const [x, a, b] = [any('x'), num('a'), num('b')];

export const INDEX_RULES: readonly SimplifyRule[] = [
  ruleOn('one value in range', NARROWED, pinned),
  ruleOn('sums in canonical form', ['add', 'sub', 'neg', 'mul', 'shl'], canonicalSum),
  rule('x / a / b = x / (a b)', bin('div', bin('div', x, a), b), (m) => {
    const [i, j] = [positive(m.a), positive(m.b)];
    return i && j && fits(m.x.dtype, [i * j, i * j]) ? div(m.x, like(m.x, i * j)) : undefined;
  }),
  rule('x % (a b) % a = x % a', bin('rem', bin('rem', x, a), b), (m) =>
    multiple(m.a, m.b) ? rem(m.x, m.b) : undefined,
  ),
  rule('x % (a b) / b = x / b % a', bin('div', bin('rem', x, a), b), (m) => {
    const i = multiple(m.a, m.b);
    return i ? rem(div(m.x, m.b), like(m.x, i)) : undefined;
  }),
  ruleOn('quotient of a sum', ['div'], quotient),
  ruleOn('remainder of a sum', ['rem'], remainder),
  ruleOn('extreme of ordered values', ['min', 'max'], extreme),
  ruleOn('comparison decided by range', COMPARISONS, comparison),
];
