// Legality of expressions, by a table from op to what operands must be, and of statements in order: what is set before
// it is read, where a body may store. In: these and what may occur in them. Out: problems in a report. Bounds of indices
// are reported only where they are certain: sums of multiples of independent axes reach both ends of their range.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { postOrder } from '../support/rewrite.ts';
import type { Axis, BinaryOp, ComputeType, DotForm, Expr, ExprNode, Local, Op, UnaryOp } from './expr.ts';
import * as build from './expr.ts';
import { add, BINARY, computeType, index, isFunction, isLoad, perOp, picksOf, resultType, UNARY } from './expr.ts';
import { type Interval, isIntegral, Ranges } from './range.ts';
import { linearOf, linearRange } from './rules/linear.ts';
import { meaningOf } from './semantics.ts';
import { stmtExprs } from './task.ts';
import type { TileTensor } from './tensor.ts';
import { type Contraction, PRODUCTS, type Product, type Stmt } from './tile-op.ts';

/** What may occur in an expression at one place; what is left out may not. */
export interface Where {
  readonly axes?: ReadonlySet<Axis>;
  readonly locals?: ReadonlySet<Local>;
  /** Types of `acc(i)` and `elem(i)`. */
  readonly acc?: readonly ComputeType[];
  readonly elem?: readonly ComputeType[];
  /** Vectors may occur, indices are flat, scalar functions may not occur. */
  readonly lowered?: boolean;
  /** The tensor may be read here; gives the problem or undefined. */
  readable(t: TileTensor): string | undefined;
}

type Check = (e: Expr, where: Where) => string | undefined;

const sameLanes = (e: Expr): boolean => e.src.every((s) => s.lanes === e.lanes);
const unless = (ok: boolean, what: string): string | undefined => (ok ? undefined : what);

/** Of ops with one operand, or two of one type. */
const check: Check = (e) => {
  const [{ dtype: from }, b] = e.src;
  if (b && b.dtype !== from) return `of ${from} and ${b.dtype}`;
  if (!meaningOf(e)) return `has no meaning for ${from}`;
  return unless(e.dtype === resultType(e.op, from) && sameLanes(e), `gives ${e.dtype} from ${from}`);
};

const placeholder = (e: Expr, types?: readonly ComputeType[]): string | undefined =>
  unless(types?.[e.arg as number] === e.dtype, `${e.arg as number} of type ${e.dtype} is not bound here`);

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
  const: (e) => unless((typeof e.arg === 'bigint') === /[iu]64/.test(e.dtype), 'is stored in the wrong form'),
  axis: (e, { axes }) => unless(axes?.has(e.arg as Axis) === true, `${(e.arg as Axis).name} is not bound here`),
  local: (e, { locals }) => {
    const l = e.arg as Local;
    if (!locals?.has(l)) return `${l.name} is read before it is set`;
    return unless(l.dtype === e.dtype && l.lanes === e.lanes, `${l.name} is read as another type`);
  },
  acc: (e, { acc }) => placeholder(e, acc),
  elem: (e, { elem }) => placeholder(e, elem),
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
  dot: (e) => {
    const typed = e.src.every((s, i) => s.lanes === e.lanes && s.dtype === (i < 2 ? 'i32' : e.dtype));
    return unless(typed && e.dtype === build.DOTS[e.arg as DotForm].sum, 'needs words, and sums of its type');
  },
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

const CHECKS: Readonly<Record<Op, Check>> = { ...perOp(UNARY, () => check), ...perOp(BINARY, () => check), ...SPECIAL };

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
    if ([...(this.where.axes ?? [])].some((a) => a.extent === 0)) return;
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

/** The place is a step, statement or task: "op 3 Softmax". */
export type Problem = Readonly<{ place: string; what: string }>;

const MAX_PROBLEMS = 50;

/** Collects problems of one program. */
export class Report {
  readonly problems: Problem[] = [];
  place = '';

  add = (what: string): void => {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ place: this.place, what });
  };
  require(ok: boolean, what: string): void {
    if (!ok) this.add(what);
  }
}

/** Checks statements in order; `locals` grows as they are set. */
export class BodyVerifier {
  private readonly report: Report;
  private readonly where: Where;
  private readonly writable: ReadonlySet<TileTensor>;
  private readonly locals = new Set<Local>();
  private verifier: ExprVerifier;
  /** The contraction around the statement. */
  private around: Contraction | null = null;

  constructor(report: Report, where: Where, writable: ReadonlySet<TileTensor>) {
    this.report = report;
    this.where = { ...where, locals: this.locals };
    this.writable = writable;
    this.verifier = new ExprVerifier(this.where, report.add);
  }

  /** Locals that statements have set, which are unknown again after it. */
  private within(body: readonly Stmt[]): ReadonlySet<Local> {
    const before = new Set(this.locals);
    this.run(body);
    const set = new Set(this.locals);
    for (const l of set) if (!before.has(l)) this.locals.delete(l);
    this.verifier = new ExprVerifier(this.where, this.report.add);
    return set;
  }

  run(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s);
  }

  private statement(s: Stmt): void {
    this.verifier.check(...stmtExprs(s));
    if (s.kind === 'set') this.set(s);
    else if (s.kind === 'store') this.store(s);
    else if (s.kind === 'for') this.loop(s);
    else if (s.kind === 'contract') this.contract(s);
    else if (s.kind === 'multiply') this.multiply(s);
    else if (s.kind === 'fetch') this.report.require(this.where.lowered === true, 'fetch has no place here');
    else {
      const { dtype, lanes } = s.cond;
      this.report.require(dtype === 'bool' && lanes === 1, `${s.kind} has a condition that is not bool`);
      if (s.kind === 'while') this.within(s.body);
      else this.sides(s.then, s.else);
    }
  }

  private set({ local, value }: Stmt & { kind: 'set' }): void {
    const same = value.dtype === local.dtype && value.lanes === local.lanes;
    this.report.require(same, `set of ${local.name} changes its type`);
    this.locals.add(local);
  }

  private loop(s: Stmt & { kind: 'for' }): void {
    const { report } = this;
    const { from, to } = s;
    const typed = [from, to, s.index].every((e) => e.dtype === 'i32' && e.lanes === 1);
    report.require(typed, `loop over ${s.index.name} is not i32`);
    if (from.op === 'const' && to.op === 'const' && to.arg <= from.arg) return;
    report.require(Number.isInteger(s.step) && s.step > 0, `loop over ${s.index.name} has step ${s.step}`);
    this.locals.add(s.index);
    this.within(s.body);
  }

  /** What both sides set is known after them. */
  private sides(then: readonly Stmt[], otherwise: readonly Stmt[]): void {
    const [a, b] = [this.within(then), this.within(otherwise)];
    for (const l of a) if (b.has(l)) this.locals.add(l);
  }

  private contract(s: Contraction): void {
    this.report.require(this.where.lowered === true && !this.around, 'contract has no place here');
    this.store({ ...s, kind: 'store', value: build.constant(s.tensor.dtype === 'f32' ? 'f32' : 'i32', 0) });
    this.matrix(s.tensor, s.at[0], s.rows, s.columns, s.stride);
    this.around = s;
    this.within(s.body);
    this.around = null;
  }

  private multiply({ form, left, leftStride, right, rightStride }: Product): void {
    const words = [left, right].every((e) => e.op === 'load' && e.arg.dtype === 'i32' && e.lanes === 1);
    const dot = Object.hasOwn(PRODUCTS, form) ? PRODUCTS[form] : null;
    const around = words && dot && build.DOTS[dot].sum === this.around?.tensor.dtype ? this.around : null;
    this.report.require(around !== null, 'multiply has other operands than words, or no contraction around it');
    if (!around) return;
    this.matrix(left.arg as TileTensor, left.src[0], around.rows, around.depth, leftStride);
    this.matrix(right.arg as TileTensor, right.src[0], around.depth, around.columns, rightStride);
  }

  private matrix(t: TileTensor, at: Expr, rows: number, columns: number, stride: number): void {
    this.report.require(rows > 0 && columns > 0 && stride > 0, `matrix in ${t.name} has no size`);
    this.verifier.bounds(t, [add(at, index((rows - 1) * stride + columns - 1))], `end of matrix in ${t.name}`);
  }

  private store(s: Stmt & { kind: 'store' }): void {
    const { report } = this;
    const { name, shape } = s.tensor;
    const rank = this.where.lowered ? 1 : shape.length;
    const scalar = s.at.every((e) => e.dtype === 'i32' && e.lanes === 1);
    report.require(this.writable.has(s.tensor), `stores to ${name}, which it may not write`);
    report.require([rank, 1].includes(s.at.length), `store to ${name} has ${s.at.length} indices for rank ${rank}`);
    report.require(scalar, `store to ${name} has an index that is not i32`);
    report.require(s.value.dtype === computeType(s.tensor.dtype), `stores ${s.value.dtype} to ${s.tensor.dtype}`);
    this.verifier.bounds(s.tensor, s.at, `store to ${name}`);
  }
}
