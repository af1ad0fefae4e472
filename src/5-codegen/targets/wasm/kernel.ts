// Kernels to functions: lowered statements become structured control flow. Loops test at the bottom;
// what they do not change is computed before them.
import type { Kernel } from '../../../3-tile/task.ts';
import type { FunctionCode } from './encoder.ts';
import { FunctionBuilder } from './function.ts';
import { hoistable } from './hoist.ts';
import type { LowFor, LowStmt, LowWhile } from './low.ts';
import { lowerKernel } from './lower.ts';
import { emitRun, type RunContext, type RunItem } from './run.ts';
import { isConstant, type Value, type Variable } from './value.ts';

export interface KernelOptions {
  readonly relaxedFma: boolean;
  /** The function index of a helper. */
  readonly helper: (name: string) => number;
}

/** A value that loops can read without computing: a constant or a local. */
type Held = { readonly constant: Value } | { readonly local: number };

class KernelEmitter {
  private readonly f: FunctionBuilder;
  private readonly locals = new Map<Variable, number>();
  private readonly hoisted = new Map<Value, number>();
  private readonly context: RunContext;
  private items: RunItem[] = [];

  constructor(params: readonly Variable[], options: KernelOptions) {
    this.f = new FunctionBuilder(params.length);
    for (const [i, p] of params.entries()) this.locals.set(p, i);
    this.context = {
      f: this.f,
      hoisted: this.hoisted,
      indexOf: options.helper,
      localOf: (variable) => this.localOf(variable),
    };
  }

  private localOf(variable: Variable): number {
    let found = this.locals.get(variable);
    if (found === undefined) {
      // Variables outlive straight runs, in which other locals are reused.
      found = this.f.dedicated(variable.type);
      this.locals.set(variable, found);
    }
    return found;
  }

  finish(): FunctionCode {
    return this.f.finish();
  }

  block(body: readonly LowStmt[]): void {
    for (const s of body) this.statement(s);
    this.flush();
  }

  private flush(): void {
    const { items } = this;
    this.items = [];
    emitRun(this.context, items);
  }

  private push(root: Value, act: RunItem['act'], sets?: Variable): void {
    this.items.push(sets ? { roots: [root], act, sets } : { roots: [root], act });
  }

  private statement(s: LowStmt): void {
    switch (s.kind) {
      case 'set': {
        this.push(s.value, (f) => f.set(this.localOf(s.variable)), s.variable);
        return;
      }
      case 'store': {
        const act = (f: FunctionBuilder): void => f.op(s.op, s.offset, s.lane);
        this.items.push({ roots: [s.address, s.value], act, writes: s.memory });
        return;
      }
      case 'if': {
        this.push(s.cond, () => undefined);
        this.flush();
        const otherwise = s.otherwise.length > 0 ? () => this.block(s.otherwise) : null;
        this.f.if(() => this.block(s.holds), otherwise);
        return;
      }
      case 'for': {
        this.forLoop(s);
        return;
      }
      case 'while':
        this.whileLoop(s);
    }
  }

  /** Puts values into locals for the time of `body`. */
  private hoisting(values: readonly Value[], body: () => void): void {
    const held = values.map((value) => {
      const local = this.f.allocate(value.type);
      this.push(value, (f) => f.set(local));
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
    const index = this.localOf(s.index);
    const values = hoistable(s, this.hoisted);
    const limit: Held = isConstant(s.to) ? { constant: s.to } : { local: this.f.allocate('i32') };
    if ('local' in limit) this.push(s.to, (f) => f.set(limit.local));
    this.push(s.from, (f) => f.set(index), s.index);
    this.hoisting(values, () => {
      if (s.runs) this.repeat(s, index, limit);
      else {
        this.f.get(index);
        this.read(limit);
        this.f.op('i32.lt_s');
        this.f.if(() => this.repeat(s, index, limit));
      }
    });
    if ('local' in limit) this.f.release(limit.local);
  }

  private read(held: Held): void {
    if ('local' in held) this.f.get(held.local);
    else this.f.op('i32.const', held.constant.imm);
  }

  private repeat(s: LowFor, index: number, limit: Held): void {
    const { f } = this;
    f.loop(() => {
      this.block(s.body);
      for (const a of s.advance) this.add(this.localOf(a.variable), a.by);
      if (s.step === 1 || ('constant' in limit && Number(limit.constant.imm) + s.step < 2 ** 31)) {
        this.add(index, s.step);
        f.get(index);
        this.read(limit);
        f.op('i32.lt_s');
      } else {
        // The distance to the limit, unsigned: adding the step could pass the largest integer.
        this.read(limit);
        f.get(index);
        f.op('i32.sub');
        f.op('i32.const', s.step);
        f.op('i32.gt_u');
        this.add(index, s.step);
      }
      f.branchIf(0);
    });
  }

  private add(local: number, by: number): void {
    this.f.get(local);
    this.f.op('i32.const', by);
    this.f.op('i32.add');
    this.f.set(local);
  }

  private whileLoop(s: LowWhile): void {
    const { f } = this;
    this.hoisting(hoistable(s, this.hoisted), () => {
      f.block(() =>
        f.loop(() => {
          this.push(s.cond, () => undefined);
          this.flush();
          f.op('i32.eqz');
          f.branchIf(1);
          this.block(s.body);
          f.branch(0);
        }),
      );
    });
  }
}

/** The function of a kernel: one i32 address per parameter, no result. */
export function emitKernel(kernel: Kernel, options: KernelOptions): FunctionCode {
  const { params, body } = lowerKernel(kernel, options.relaxedFma);
  const emitter = new KernelEmitter(params, options);
  emitter.block(body);
  return emitter.finish();
}
