// Kernels to functions: lowered statements become structured control flow. Loops test at the bottom;
// what they do not change is computed before them.
import { entryOf } from '../../../support/collections.ts';
import type { FunctionCode } from './encoder.ts';
import { FunctionBuilder } from './function.ts';
import { hoistable, type LowFor, type LowFunction, type LowStmt, type LowWhile } from './low.ts';
import { emitRun, type RunItem } from './run.ts';
import { isConstant, type Value, type Variable } from './value.ts';

/** The function index of a helper. */
export type HelperIndex = (name: string) => number;

/** Statements being emitted: the function, and where it keeps what. */
export class StatementEmitter {
  readonly f: FunctionBuilder;
  private readonly locals = new Map<Variable, number>();
  /** Values that enclosing loops keep in locals. */
  readonly hoisted = new Map<Value, number>();
  readonly indexOf: HelperIndex;
  private items: RunItem[] = [];

  constructor(params: readonly Variable[], indexOf: HelperIndex) {
    this.f = new FunctionBuilder(params.length);
    for (const [i, p] of params.entries()) this.locals.set(p, i);
    this.indexOf = indexOf;
  }

  localOf(variable: Variable): number {
    // Variables outlive straight runs, in which other locals are reused.
    return entryOf(this.locals, variable, () => this.f.dedicated(variable.type));
  }

  block(body: readonly LowStmt[]): void {
    for (const s of body) this.statement(s);
    this.flush();
  }

  private flush(): void {
    const { items } = this;
    this.items = [];
    emitRun(this, items);
  }

  /** Leaves the value on the stack, behind all that was waiting. */
  push(value: Value): void {
    this.items.push({ roots: [value], act: () => undefined });
    this.flush();
  }

  private setLocal(local: number, value: Value, sets: Variable | null = null): void {
    this.items.push({ roots: [value], act: (f) => f.set(local), sets });
  }

  private statement(s: LowStmt): void {
    if (s.kind === 'for') this.forLoop(s);
    else if (s.kind === 'while') this.whileLoop(s);
    else if (s.kind === 'set') this.setLocal(this.localOf(s.variable), s.value, s.variable);
    else if (s.kind === 'store') {
      this.items.push({ roots: [s.address, s.value], act: (f) => f.op(s.op, s.offset), writes: s.memory });
    } else {
      this.push(s.cond);
      this.f.if(() => this.block(s.holds), s.otherwise.length > 0 ? () => this.block(s.otherwise) : null);
    }
  }

  /** Puts values into locals for the time of `body`. */
  private hoisting(values: readonly Value[], body: () => void): void {
    const held = values.map((value) => {
      const local = this.f.allocate(value.type);
      this.setLocal(local, value);
      return { value, local };
    });
    this.flush();
    for (const { value, local } of held) this.hoisted.set(value, local);
    body();
    for (const { value, local } of held) {
      this.hoisted.delete(value);
      this.f.release(local);
    }
  }

  private forLoop(s: LowFor): void {
    const { f } = this;
    const index = this.localOf(s.index);
    const values = hoistable(s, this.hoisted);
    const limit = isConstant(s.to) ? null : f.allocate('i32');
    if (limit !== null) this.setLocal(limit, s.to);
    const pushLimit = (): void => (limit === null ? f.op('i32.const', s.to.imm) : f.get(limit));
    this.setLocal(index, s.from, s.index);
    const below = (): void => {
      f.get(index);
      pushLimit();
      f.op('i32.lt_s');
    };
    this.hoisting(values, () => {
      if (s.runs) return this.repeat(s, index, pushLimit, below);
      below();
      return f.if(() => this.repeat(s, index, pushLimit, below));
    });
    if (limit !== null) f.release(limit);
  }

  private repeat(s: LowFor, index: number, pushLimit: () => void, below: () => void): void {
    const { f } = this;
    const fits = s.step === 1 || (isConstant(s.to) && Number(s.to.imm) + s.step < 2 ** 31);
    f.loop(() => {
      this.block(s.body);
      for (const [variable, by] of s.advance) f.increase(this.localOf(variable), 'i32', by);
      if (fits) {
        f.increase(index, 'i32', s.step);
        below();
      } else {
        // The distance to the limit, unsigned: adding the step could pass the largest integer.
        pushLimit();
        f.get(index);
        f.op('i32.sub');
        f.op('i32.const', s.step);
        f.op('i32.gt_u');
        f.increase(index, 'i32', s.step);
      }
      f.branchIf(0);
    });
  }

  private whileLoop(s: LowWhile): void {
    const { f } = this;
    const iteration = (): void => {
      this.push(s.cond);
      f.op('i32.eqz');
      f.branchIf(1);
      this.block(s.body);
      f.branch(0);
    };
    this.hoisting(hoistable(s, this.hoisted), () => f.block(() => f.loop(iteration)));
  }
}

/** The function of these statements, and of its result's value if it has one. */
export function emitFunction({ params, body, result }: LowFunction, helper: HelperIndex): FunctionCode {
  const emitter = new StatementEmitter(params, helper);
  emitter.block(body);
  if (result) emitter.push(result);
  return emitter.f.finish();
}
