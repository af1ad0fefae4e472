// Legality of statements, in order: what is set before it is read, and where a body may store. In: a
// routine's or kernel's statements. Out: problems in a report that programs share.
import { computeType, type Local } from './expr.ts';
import { stmtExprs } from './task.ts';
import type { TileTensor } from './tensor.ts';
import type { Stmt } from './tile-op.ts';
import { ExprVerifier, type Where } from './verify-expr.ts';

export interface Problem {
  /** The step, statement or task: "op 3 Softmax". */
  readonly place: string;
  readonly what: string;
}

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

/** Where only tensors may occur. */
export const nothing: Pick<Where, 'locals' | 'acc' | 'elem' | 'lowered'> = {
  locals: new Set(),
  acc: [],
  elem: [],
  lowered: false,
};

const neverRuns = ({ from, to }: Stmt & { kind: 'for' }): boolean =>
  from.op === 'const' && to.op === 'const' && to.arg <= from.arg;

/** Checks statements in order; `locals` grows as they are set. */
export class BodyVerifier {
  private readonly report: Report;
  private readonly lowered: boolean;
  private readonly readable: Where['readable'];
  private readonly writable: ReadonlySet<TileTensor>;
  private readonly locals = new Set<Local>();
  private verifier: ExprVerifier;

  constructor(report: Report, lowered: boolean, readable: Where['readable'], writable: ReadonlySet<TileTensor>) {
    this.report = report;
    this.lowered = lowered;
    this.readable = readable;
    this.writable = writable;
    this.verifier = this.fresh();
  }

  private fresh(): ExprVerifier {
    const { locals, lowered, readable } = this;
    return new ExprVerifier({ ...nothing, axes: new Set(), locals, lowered, readable }, this.report.add);
  }

  /** Locals that statements have set, which are unknown again after it. */
  private within(body: readonly Stmt[]): ReadonlySet<Local> {
    const before = new Set(this.locals);
    this.run(body);
    const set = new Set(this.locals);
    for (const l of set) if (!before.has(l)) this.locals.delete(l);
    this.verifier = this.fresh();
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
    else this.conditional(s);
  }

  private conditional(s: Stmt & { kind: 'while' | 'if' }): void {
    const { dtype, lanes } = s.cond;
    this.report.require(dtype === 'bool' && lanes === 1, `${s.kind} has a condition that is not bool`);
    if (s.kind === 'while') this.within(s.body);
    else this.sides(s.then, s.else);
  }

  private set({ local, value }: Stmt & { kind: 'set' }): void {
    const same = value.dtype === local.dtype && value.lanes === local.lanes;
    this.report.require(same, `set of ${local.name} changes its type`);
    this.locals.add(local);
  }

  private loop(s: Stmt & { kind: 'for' }): void {
    const { report } = this;
    const typed = [s.from, s.to, s.index].every((e) => e.dtype === 'i32' && e.lanes === 1);
    report.require(typed, `loop over ${s.index.name} is not i32`);
    if (neverRuns(s)) return;
    report.require(Number.isInteger(s.step) && s.step > 0, `loop over ${s.index.name} has step ${s.step}`);
    this.locals.add(s.index);
    this.within(s.body);
  }

  /** What both sides set is known after them. */
  private sides(then: readonly Stmt[], otherwise: readonly Stmt[]): void {
    const [a, b] = [this.within(then), this.within(otherwise)];
    for (const l of a) if (b.has(l)) this.locals.add(l);
  }

  private store(s: Stmt & { kind: 'store' }): void {
    const { report } = this;
    const { name, shape } = s.tensor;
    const rank = this.lowered ? 1 : shape.length;
    const scalar = s.at.every((e) => e.dtype === 'i32' && e.lanes === 1);
    report.require(this.writable.has(s.tensor), `stores to ${name}, which it may not write`);
    report.require([rank, 1].includes(s.at.length), `store to ${name} has ${s.at.length} indices for rank ${rank}`);
    report.require(scalar, `store to ${name} has an index that is not i32`);
    report.require(s.value.dtype === computeType(s.tensor.dtype), `stores ${s.value.dtype} to ${s.tensor.dtype}`);
    this.verifier.bounds(s.tensor, s.at, `store to ${name}`);
  }
}
