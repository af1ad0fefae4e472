// Legality of single expressions: a table of rules from op to what its operands must be. In: an
// expression and what may occur in it. Out: problems as text. Bounds of indices are reported only
// where they are certain: sums of multiples of independent axes reach both ends of their range.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { postOrder } from '../support/rewrite.ts';
import {
  type Axis,
  BINARY,
  type BinaryOp,
  type ComputeType,
  computeType,
  type Expr,
  type ExprNode,
  isLoad,
  type Local,
  type Op,
  perOp,
  picksOf,
  resultType,
  UNARY,
  type UnaryOp,
} from './expr.ts';
import { type Interval, isIntegral, Ranges } from './range.ts';
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

const sameLanes = (e: Expr): boolean => e.src.every((s) => s.lanes === e.lanes);
const unless = (ok: boolean, what: string): string | undefined => (ok ? undefined : what);

const unaryCheck: Check = (e) => {
  const from = e.src[0].dtype;
  if (!unaryMeaning(e.op as UnaryOp, from)) return `has no meaning for ${from}`;
  return unless(e.dtype === resultType(e.op, from) && sameLanes(e), `gives ${e.dtype} from ${from}`);
};

const binaryCheck: Check = (e) => {
  const [a, b] = e.src;
  if (a.dtype !== b.dtype) return `of ${a.dtype} and ${b.dtype}`;
  if (!binaryMeaning(e.op as BinaryOp, a.dtype)) return `has no meaning for ${a.dtype}`;
  return unless(e.dtype === resultType(e.op, a.dtype) && sameLanes(e), `gives ${e.dtype} from ${a.dtype}`);
};

const placeholder = (types: readonly ComputeType[], e: Expr): string | undefined =>
  unless(types[e.arg as number] === e.dtype, `${e.arg as number} of type ${e.dtype} is not bound here`);

function loadCheck(e: Expr, where: Where): string | undefined {
  if (!isLoad(e)) return undefined;
  const t = e.arg;
  const at = e.op === 'load' ? e.src : e.src.slice(0, -2);
  const [guard, alternative] = e.op === 'load' ? [] : e.src.slice(-2);
  const rank = where.lowered ? 1 : t.shape.length;
  const flat = at.length === 1 && !where.lowered;
  if (at.length !== rank && !flat) return `of ${t.name} has ${at.length} indices for rank ${rank}`;
  if (at.some((i) => i.dtype !== 'i32')) return `of ${t.name} has an index that is not i32`;
  if (e.dtype !== computeType(t.dtype)) return `of ${t.name} gives ${e.dtype} for ${t.dtype}`;
  if (guard && guard.dtype !== 'bool') return `of ${t.name} has a guard that is not bool`;
  if (alternative && alternative.dtype !== e.dtype) return `of ${t.name} has an alternative of another type`;
  return where.readable(t);
}

const bytesOf = (e: Expr): number => dtypeInfo(e.dtype).bytes;
const like = (s: Expr, { dtype, lanes }: Expr): boolean => s.dtype === dtype && s.lanes === lanes;
const scalarLike = (s: Expr, e: Expr): boolean => s.lanes === 1 && s.dtype === e.dtype;

const SPECIAL: { readonly [O in Exclude<Op, UnaryOp | BinaryOp>]: Check } = {
  const: (e) =>
    unless((typeof e.arg === 'bigint') === (e.dtype === 'i64' || e.dtype === 'u64'), 'is stored in the wrong form'),
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
  select: (e) => {
    if (e.src[0].dtype !== 'bool') return 'has a condition that is not bool';
    return unless(like(e.src[1], e) && like(e.src[2], e), 'has sides of other types');
  },
  cast: (e) => unless(sameLanes(e), 'changes lanes'),
  bitcast: (e) => unless(bytesOf(e) === bytesOf(e.src[0]) && sameLanes(e), 'changes the size'),
  round: (e) => unless(isIntegral(e.dtype) === isIntegral(e.src[0].dtype) && sameLanes(e), 'changes the type'),
  fma: (e) => unless(!isIntegral(e.dtype) && e.src.every((s) => like(s, e)), 'needs floats of one type'),
  splat: (e) => unless(scalarLike(e.src[0], e), 'needs a scalar of its type'),
  pack: (e) => unless(e.src.length === e.lanes && e.src.every((s) => scalarLike(s, e)), 'needs one scalar per lane'),
  lane: (e) => {
    const one = e.lanes === 1 && (e.arg as number) < e.src[0].lanes && e.dtype === e.src[0].dtype;
    return unless(one, 'is not a lane of its operand');
  },
  shuffle: (e) => {
    const [a, b] = e.src;
    const picks = picksOf(e as ExprNode<'shuffle'>);
    const known = picks.length === e.lanes && picks.every((i) => i >= 0 && i < 2 * a.lanes);
    return unless(known && a.dtype === e.dtype && a.lanes > 1 && like(b, a), 'does not pick lanes of two like vectors');
  },
  ramp: (e) => unless(scalarLike(e.src[0], e) && e.dtype === 'i32', 'needs an i32 scalar'),
};

const CHECKS: Readonly<Record<Op, Check>> = {
  ...perOp(UNARY, () => unaryCheck),
  ...perOp(BINARY, () => binaryCheck),
  ...SPECIAL,
};

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
    for (const e of postOrder(roots, (x) => x.src, this.seen)) {
      const problem = CHECKS[e.op](e, this.where) ?? this.stageProblem(e);
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
    const extents = at.length === t.shape.length ? t.shape : [elementCount(t.shape)];
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
