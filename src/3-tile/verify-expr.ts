// Legality of single expressions: a table of rules from op to what its operands must be. In: an
// expression and what may occur in it. Out: problems as text. Bounds of indices are reported only
// where they are certain: sums of multiples of independent axes reach both ends of their range.
import { dtypeInfo } from '../ir/dtype.ts';
import {
  type Axis,
  BINARY,
  type BinaryOp,
  type ComputeType,
  computeType,
  type Expr,
  isLoad,
  type Local,
  type Op,
  UNARY,
  type UnaryOp,
} from './expr.ts';
import { type Interval, isIntegral, Ranges } from './range.ts';
import { walkNew } from './rewrite.ts';
import { isFunction } from './rules/legalise.ts';
import { linearOf, linearRange } from './rules/linear.ts';
import { binaryMeaning, unaryMeaning } from './semantics.ts';
import type { TileTensor } from './tensor.ts';

/** What may occur in an expression at one place. */
export interface Where {
  readonly axes: ReadonlySet<Axis>;
  readonly locals: ReadonlySet<Local>;
  /** Types of `acc(i)` and `elem(i)`; empty where they may not occur. */
  readonly acc: readonly ComputeType[];
  readonly elem: readonly ComputeType[];
  /** Lowered: vectors may occur, indices are flat, scalar functions may not occur. */
  readonly lowered: boolean;
  /** The tensor may be read here; gives the problem or undefined. */
  readable(t: TileTensor): string | undefined;
}

type Check = (e: Expr, where: Where) => string | undefined;

const COMPARE: ReadonlySet<Op> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'isnan', 'isinf']);
const resultOf = (op: Op, t: ComputeType): ComputeType => (COMPARE.has(op) ? 'bool' : t);
const sameLanes = (e: Expr): boolean => e.src.every((s) => s.lanes === e.lanes);
const unless = (ok: boolean, what: string): string | undefined => (ok ? undefined : what);

const unaryCheck: Check = (e) => {
  const from = e.src[0].dtype;
  if (!unaryMeaning(e.op as UnaryOp, from)) return `has no meaning for ${from}`;
  return unless(e.dtype === resultOf(e.op, from) && sameLanes(e), `gives ${e.dtype} from ${from}`);
};

const binaryCheck: Check = (e) => {
  const [a, b] = e.src;
  if (a.dtype !== b.dtype) return `of ${a.dtype} and ${b.dtype}`;
  if (!binaryMeaning(e.op as BinaryOp, a.dtype)) return `has no meaning for ${a.dtype}`;
  return unless(e.dtype === resultOf(e.op, a.dtype) && sameLanes(e), `gives ${e.dtype} from ${a.dtype}`);
};

const placeholder = (types: readonly ComputeType[], e: Expr): string | undefined =>
  unless(types[e.arg as number] === e.dtype, `${e.arg as number} of type ${e.dtype} is not bound here`);

function loadCheck(e: Expr, where: Where): string | undefined {
  if (!isLoad(e)) return undefined;
  const t = e.arg;
  const at = e.op === 'load' ? e.src : e.src.slice(0, -2);
  const rank = where.lowered ? 1 : t.shape.length;
  if (at.length !== rank && !(at.length === 1 && !where.lowered))
    return `of ${t.name} has ${at.length} indices for rank ${rank}`;
  if (at.some((i) => i.dtype !== 'i32')) return `of ${t.name} has an index that is not i32`;
  if (e.dtype !== computeType(t.dtype)) return `of ${t.name} gives ${e.dtype} for ${t.dtype}`;
  if (e.op === 'guarded' && e.src[e.src.length - 2].dtype !== 'bool')
    return `of ${t.name} has a guard that is not bool`;
  if (e.op === 'guarded' && e.src[e.src.length - 1].dtype !== e.dtype)
    return `of ${t.name} has an alternative of another type`;
  return where.readable(t);
}

const SPECIAL: { readonly [O in Exclude<Op, UnaryOp | BinaryOp>]: Check } = {
  const: (e) =>
    unless(
      typeof e.arg === (e.dtype === 'i64' || e.dtype === 'u64' ? 'bigint' : 'number'),
      'is stored in the wrong form',
    ),
  axis: (e, { axes }) => unless(axes.has(e.arg as Axis), `${(e.arg as Axis).name} is not bound here`),
  local: (e, { locals }) => {
    const l = e.arg as Local;
    if (!locals.has(l)) return `${l.name} is read before it is set`;
    return unless(l.dtype === e.dtype && l.lanes === e.lanes, `${l.name} is read as another type`);
  },
  acc: (e, { acc }) => placeholder(acc, e),
  elem: (e, { elem }) => placeholder(elem, e),
  load: loadCheck,
  guarded: loadCheck,
  select: ({ src: [c, a, b], dtype, lanes }) => {
    if (c.dtype !== 'bool') return 'has a condition that is not bool';
    return unless(
      a.dtype === dtype && b.dtype === dtype && a.lanes === lanes && b.lanes === lanes,
      'has sides of other types',
    );
  },
  cast: (e) => unless(sameLanes(e), 'changes lanes'),
  bitcast: (e) =>
    unless(dtypeInfo(e.dtype).bytes === dtypeInfo(e.src[0].dtype).bytes && sameLanes(e), 'changes the size'),
  round: (e) => unless(isIntegral(e.dtype) === isIntegral(e.src[0].dtype) && sameLanes(e), 'changes the type'),
  fma: (e) =>
    unless(!isIntegral(e.dtype) && sameLanes(e) && e.src.every((s) => s.dtype === e.dtype), 'needs floats of one type'),
  splat: ({ src: [s], dtype }) => unless(s.lanes === 1 && s.dtype === dtype, 'needs a scalar of its type'),
  pack: ({ src, dtype, lanes }) =>
    unless(src.length === lanes && src.every((s) => s.lanes === 1 && s.dtype === dtype), 'needs one scalar per lane'),
  lane: (e) =>
    unless(
      e.lanes === 1 && (e.arg as number) < e.src[0].lanes && e.dtype === e.src[0].dtype,
      'is not a lane of its operand',
    ),
  ramp: ({ src: [s], dtype }) => unless(s.lanes === 1 && s.dtype === 'i32' && dtype === 'i32', 'needs an i32 scalar'),
};

const CHECKS: ReadonlyMap<Op, Check> = new Map<Op, Check>([
  ...UNARY.map((op): [Op, Check] => [op, unaryCheck]),
  ...BINARY.map((op): [Op, Check] => [op, binaryCheck]),
  ...(Object.entries(SPECIAL) as [Op, Check][]),
]);

/** Checks expressions of one place; nodes already seen there are not checked again. */
export class ExprVerifier {
  private readonly seen = new Set<Expr>();
  private readonly ranges = new Ranges();
  private readonly where: Where;
  private readonly report: (what: string) => void;

  constructor(where: Where, report: (what: string) => void) {
    this.where = where;
    this.report = report;
  }

  check(...roots: readonly Expr[]): void {
    for (const e of walkNew(roots, this.seen)) {
      const problem = CHECKS.get(e.op)?.(e, this.where) ?? this.stageProblem(e);
      if (problem) this.report(`${e.op} ${problem}`);
      else if (e.op === 'load') this.bounds(e.arg, e.src, `load of ${e.arg.name}`);
    }
  }

  private stageProblem(e: Expr): string | undefined {
    if (!this.where.lowered) return unless(e.lanes === 1, 'is a vector before lowering');
    return unless(!isFunction(e.op), 'is not decomposed');
  }

  /** Reports indices that certainly leave the tensor for some point. */
  bounds(t: TileTensor, at: readonly Expr[], what: string): void {
    if ([...this.where.axes].some((a) => a.extent === 0)) return;
    const extents = at.length === t.shape.length ? t.shape : [t.shape.reduce((p, d) => p * d, 1)];
    at.forEach((e, d) => {
      if (e.dtype !== 'i32') return;
      const range = attained(e, this.ranges);
      const outside = range ? range[0] < 0 || range[1] >= extents[d] : apart(this.ranges.of(e)!, extents[d]);
      if (outside) this.report(`${what} leaves dimension ${d} of extent ${extents[d]}`);
    });
  }
}

const apart = ([lo, hi]: Interval, extent: number): boolean => hi < 0 || lo >= extent;

/** The exact range of a sum of multiples of axes. */
function attained(e: Expr, ranges: Ranges): Interval | undefined {
  const l = linearOf(e);
  if (!l || ![...l.terms.keys()].every((t) => t.op === 'axis')) return undefined;
  return linearRange(l, ranges);
}
