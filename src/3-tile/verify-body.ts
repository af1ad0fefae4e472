// Legality of statements, in order: what is set before it is read, and where a body may store. In: a
// routine's or kernel's statements. Out: problems in a report that programs share.
import { computeType, type Expr, type Local } from './expr.ts';
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

  /** What is set inside a block that may not run is unknown after it. */
  private block(body: readonly Stmt[]): void {
    const before = new Set(this.locals);
    this.run(body);
    for (const l of this.locals) if (!before.has(l)) this.locals.delete(l);
    this.verifier = this.fresh();
  }

  run(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s);
  }

  private statement(s: Stmt): void {
    this.verifier.check(...stmtExprs(s));
    switch (s.kind) {
      case 'set':
        this.set(s);
        break;
      case 'store':
        this.store(s);
        break;
      case 'for':
        this.loop(s);
        break;
      case 'while':
        this.condition(s.cond, 'while');
        this.block(s.body);
        break;
      case 'if':
        this.condition(s.cond, 'if');
        this.both(s.then, s.else);
        break;
    }
  }

  private condition(e: Expr, what: string): void {
    this.report.require(e.dtype === 'bool' && e.lanes === 1, `${what} has a condition that is not bool`);
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
    this.block(s.body);
  }

  private both(then: readonly Stmt[], otherwise: readonly Stmt[]): void {
    const after = [then, otherwise].map((side) => {
      const before = new Set(this.locals);
      this.run(side);
      const set = new Set(this.locals);
      for (const l of set) if (!before.has(l)) this.locals.delete(l);
      return set;
    });
    for (const l of after[0]) if (after[1].has(l)) this.locals.add(l);
    this.verifier = this.fresh();
  }

  private store(s: Stmt & { kind: 'store' }): void {
    const { report } = this;
    const rank = this.lowered ? 1 : s.tensor.shape.length;
    report.require(this.writable.has(s.tensor), `stores to ${s.tensor.name}, which it may not write`);
    report.require(
      s.at.length === rank || s.at.length === 1,
      `store to ${s.tensor.name} has ${s.at.length} indices for rank ${rank}`,
    );
    report.require(
      s.at.every((e) => e.dtype === 'i32' && e.lanes === 1),
      `store to ${s.tensor.name} has an index that is not i32`,
    );
    report.require(s.value.dtype === computeType(s.tensor.dtype), `stores ${s.value.dtype} to ${s.tensor.dtype}`);
    this.verifier.bounds(s.tensor, s.at, `store to ${s.tensor.name}`);
  }
}
