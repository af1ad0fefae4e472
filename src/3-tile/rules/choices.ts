// Casts, selections, guards and vector shuffles. A guard that ranges prove makes a plain load; the
// indices of a guarded load are simplified knowing that the guard holds.
import type { BinaryOp, ComputeType, Expr, Op } from '../expr.ts';
import { binary, bitcast, COMPARISONS, cast, isLoad, makeExpr, select, words } from '../expr.ts';
import { fits, type Interval, isIntegral, type Ranges, typeRange } from '../range.ts';
import { any, bin, constOf, lit, rule, ruleOn, sel, un, walkExpr, withSrc } from '../rewrite.ts';
import { castScalar } from '../semantics.ts';
import type { SimplifyContext, SimplifyRule } from '../simplify.ts';
import { like } from './arithmetic.ts';
import { intOf } from './linear.ts';

/** Whether every value of `from` is a value of `to`. */
function preserves(from: ComputeType, to: ComputeType): boolean {
  if (from === to || from === 'bool') return true;
  if (to === 'f64') return from !== 'i64' && from !== 'u64';
  if (to === 'i64') return from === 'i32' || from === 'u32';
  return to === 'u64' && from === 'u32';
}

/** Whether the values that `x` can take survive a cast to `to`. */
function keeps(x: Expr, to: ComputeType, ranges: Ranges): boolean {
  if (preserves(x.dtype, to)) return true;
  const r = ranges.of(x);
  if (!r || to === 'bool') return false;
  if (to === 'f32') return r[0] >= -(2 ** 24) && r[1] <= 2 ** 24;
  return to === 'f64' ? fits('i64', r) : fits(to, r);
}

/** cast(t, cast(m, x)) without the middle where x survives it, or where only low bits matter. */
function castOfCast(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const middle = e.src[0];
  if (middle.op !== 'cast') return undefined;
  const x = middle.src[0];
  const bool = e.dtype === 'bool';
  if (keeps(x, middle.dtype, ctx.ranges) || (bool && isIntegral(x.dtype) && widens(x, middle))) return cast(e.dtype, x);
  const low = isIntegral(x.dtype) && isIntegral(middle.dtype) && isIntegral(e.dtype) && !bool;
  return low && middle.dtype !== 'bool' && width(middle.dtype) >= width(e.dtype) ? cast(e.dtype, x) : undefined;
}

const width = (t: ComputeType): number => (t === 'i64' || t === 'u64' ? 64 : 32);
const widens = (x: Expr, to: Expr): boolean =>
  isIntegral(to.dtype) && width(to.dtype) >= width(x.dtype) && to.dtype !== 'bool';

/** Ops whose low 32 bits depend only on the low 32 bits of their operands. */
const LOW_BITS: ReadonlySet<Op> = new Set(['add', 'sub', 'mul', 'and', 'or', 'xor', 'neg', 'not']);

/** (i32)(a + b) = (i32)a + (i32)b for wider a and b; also through selections. */
function narrow(e: Expr, ctx: SimplifyContext): Expr | undefined {
  const x = e.src[0];
  if (e.dtype !== 'i32' && e.dtype !== 'u32') return undefined;
  if (x.dtype !== 'i64' && x.dtype !== 'u64') return undefined;
  const low = (s: Expr): Expr => cast(e.dtype, s);
  if (LOW_BITS.has(x.op)) return makeExpr(x.op, e.dtype, x.src.map(low), null as never, x.lanes);
  if (x.op === 'select') return select(x.src[0], low(x.src[1]), low(x.src[2]));
  const exact = x.op === 'div' || x.op === 'rem' || x.op === 'min' || x.op === 'max';
  if (!exact || !x.src.every((s) => keeps(s, e.dtype, ctx.ranges)) || !keeps(x, e.dtype, ctx.ranges)) return undefined;
  return makeExpr(x.op, e.dtype, x.src.map(low), null as never, x.lanes);
}

/** Comparison of widened values, or of one with a constant, without widening. */
function compareNarrow(e: Expr): Expr | undefined {
  const [a, b] = e.src;
  if (a.op !== 'cast' || a.src[0].dtype === 'bool' || !preserves(a.src[0].dtype, a.dtype)) return undefined;
  const x = a.src[0];
  if (b.op === 'cast' && b.src[0].dtype === x.dtype) return withSrc(e, [x, b.src[0]]);
  const c = constOf(b);
  if (c === undefined || !isIntegral(x.dtype)) return undefined;
  const small = castScalar(b.dtype, x.dtype, c);
  return Number(small) === Number(c) ? withSrc(e, [x, like(x, small)]) : undefined;
}

/** What a true condition says about ranges: bounds by constants, through conjunctions. */
export function factsOf(cond: Expr): Map<Expr, Interval> {
  const facts = new Map<Expr, Interval>();
  const stack = [cond];
  for (let e = stack.pop(); e; e = stack.pop()) {
    facts.set(e, [1, 1]);
    if (e.op === 'and') stack.push(...e.src);
    const bound = boundOf(e);
    if (!bound) continue;
    const old = facts.get(bound.x) ?? typeRange(bound.x.dtype)!;
    facts.set(bound.x, [Math.max(old[0], bound.r[0]), Math.min(old[1], bound.r[1])]);
  }
  return facts;
}

/** The x of which `x op c` holds. */
const BOUNDS: Partial<Record<Op, (c: number) => Interval>> = {
  lt: (c) => [-Infinity, c - 1],
  le: (c) => [-Infinity, c],
  gt: (c) => [c + 1, Infinity],
  ge: (c) => [c, Infinity],
  eq: (c) => [c, c],
};

function boundOf(e: Expr): { x: Expr; r: Interval } | undefined {
  if (e.src.length !== 2 || !isIntegral(e.src[0].dtype)) return undefined;
  const [x, b] = e.src;
  const c = intOf(b);
  const r = c === undefined ? undefined : BOUNDS[e.op]?.(c);
  return r && { x, r };
}

function guardedLoad(e: Expr, ctx: SimplifyContext): Expr | undefined {
  if (e.op !== 'guarded') return undefined;
  const guard = e.src[e.src.length - 2];
  const at = e.src.slice(0, -2);
  const known = constOf(guard);
  if (known !== undefined && e.lanes === 1) {
    return known ? makeExpr('load', e.dtype, at, e.arg) : e.src[e.src.length - 1];
  }
  const inner = ctx.under(guard, factsOf);
  // A load inside an index happens whether the guard holds or not, so its own index keeps its bounds.
  const simpler = at.map((i) => (walkExpr(i).some(isLoad) ? i : inner.simplify(i)));
  return simpler.some((s, i) => s !== at[i]) ? withSrc(e, [...simpler, ...e.src.slice(-2)]) : undefined;
}

const [c, x, y, z] = [any('c'), any('x'), any('y'), any('z')];
const OPPOSITE: Partial<Record<Op, BinaryOp>> = { lt: 'ge', ge: 'lt', gt: 'le', le: 'gt', eq: 'ne', ne: 'eq' };

export const CHOICE_RULES: readonly SimplifyRule[] = [
  rule('true ? x : y = x', sel(lit(1), x, y), (b) => b.x),
  rule('false ? x : y = y', sel(lit(0), x, y), (b) => b.y),
  rule('c ? x : x = x', sel(c, x, x), (b) => b.x),
  rule('!c ? x : y = c ? y : x', sel(un('not', c), x, y), (b) => select(b.c, b.y, b.x)),
  rule('c ? true : false = c', sel(c, lit(1), lit(0)), (b, _, e) => (e.dtype === 'bool' ? b.c : undefined)),
  rule('c ? (c ? x : y) : z = c ? x : z', sel(c, sel(c, x, y), z), (b) => select(b.c, b.x, b.z)),
  rule('c ? x : (c ? y : z) = c ? x : z', sel(c, x, sel(c, y, z)), (b) => select(b.c, b.x, b.z)),
  rule('c ? (load where c, else y) : y = the load', sel(c, x, y), ({ c, x, y }) => {
    const [guard, otherwise] = x.op === 'guarded' ? x.src.slice(-2) : [];
    const implied = guard && (guard === c || (guard.op === 'and' && guard.src.includes(c)));
    return implied && otherwise === y ? x : undefined;
  }),
  rule('!(a < b) = (a >= b) in integers', un('not', any('p')), ({ p }) => {
    const opposite = OPPOSITE[p.op];
    const exact = opposite && (isIntegral(p.src[0].dtype) || p.op === 'eq' || p.op === 'ne');
    return exact ? binary(opposite, p.src[0], p.src[1]) : undefined;
  }),
  ruleOn('a guard decided', ['guarded'], guardedLoad),
];

export const CAST_RULES: readonly SimplifyRule[] = [
  ruleOn('a cast of a cast', ['cast'], castOfCast),
  ruleOn('a cast of low bits', ['cast'], narrow),
  ruleOn('a comparison of casts', COMPARISONS, compareNarrow),
  rule('(t)p != 0 = p', bin('ne', un('cast', x), lit(0)), (b) => (b.x.dtype === 'bool' ? b.x : undefined)),
  ruleOn('a bitcast of a bitcast', ['bitcast'], (e) =>
    e.src[0].op === 'bitcast' ? bitcast(e.dtype, e.src[0].src[0]) : undefined,
  ),
];

/** Element-wise ops of one value in every lane are done once. */
const LANEWISE_EXCLUDED: ReadonlySet<Op> = new Set(words('load guarded splat pack lane shuffle ramp local'));

export const LANE_RULES: readonly SimplifyRule[] = [
  ruleOn('a lane of lanes', ['lane'], (e) => {
    if (e.op !== 'lane') return undefined;
    const v = e.src[0];
    return v.op === 'splat' ? v.src[0] : v.op === 'pack' ? v.src[e.arg] : undefined;
  }),
];

/** f(splat x, splat y) = splat f(x, y). */
export function liftSplat(e: Expr): Expr | undefined {
  if (e.lanes === 1 || e.src.length === 0 || LANEWISE_EXCLUDED.has(e.op)) return undefined;
  if (!e.src.every((s) => s.op === 'splat')) return undefined;
  const first = e.src.map((s) => s.src[0]);
  return makeExpr('splat', e.dtype, [makeExpr(e.op, e.dtype, first, e.arg as never)], null, e.lanes);
}
