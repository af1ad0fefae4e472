// A scheduled program to one WebAssembly module: a function per kernel, the helpers they call, and
// `main(constants, arena)`, which runs the tasks of the one lane. In: TaskProgram. Out: the bytes.
import type { Kernel, Task, TaskProgram } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { invariant } from '../../../support/errors.ts';
import { type FunctionCode, ModuleBuilder } from './encoder.ts';
import { FunctionBuilder } from './function.ts';
import { HELPERS } from './helpers.ts';
import { emitKernel } from './kernel.ts';

export interface WasmOptions {
  /** Use fused multiply-add of the relaxed SIMD extension; else `fma` rounds twice. */
  readonly relaxedFma?: boolean;
  /** Export each kernel as `k0`, `k1`, … */
  readonly exposeKernels?: boolean;
}

export interface WasmCode {
  readonly bytes: Uint8Array;
}

const CONSTANTS = 0;
const ARENA = 1;

class TaskEmitter {
  private readonly f = new FunctionBuilder(2);
  private readonly program: TaskProgram;
  private readonly indexOf: ReadonlyMap<Kernel, number>;

  constructor(program: TaskProgram, indexOf: ReadonlyMap<Kernel, number>) {
    this.program = program;
    this.indexOf = indexOf;
  }

  main(): FunctionCode {
    for (const task of this.program.lanes[0] ?? []) this.task(task);
    this.f.op('i32.const', 0);
    return this.f.finish();
  }

  /** Pushes the address of a tensor. */
  private address(t: TileTensor): void {
    const place = this.program.plan.places.get(owner(t));
    invariant(place, `tensor ${t.name} has no place`);
    this.f.get(place.space === 'constants' ? CONSTANTS : ARENA);
    if (place.offset === 0) return;
    this.f.op('i32.const', place.offset);
    this.f.op('i32.add');
  }

  private task(task: Task): void {
    const { f } = this;
    switch (task.kind) {
      case 'run': {
        const index = this.indexOf.get(task.kernel);
        invariant(index !== undefined, `kernel ${task.kernel.name} is not in the program`);
        invariant(task.args.length === task.kernel.params.length, `arguments of ${task.kernel.name}`);
        for (const t of task.args) this.address(t);
        f.call(index);
        return;
      }
      case 'branch': {
        this.truth(task.cond);
        const otherwise = () => this.tasks(task.else);
        f.if(() => this.tasks(task.then), task.else.length > 0 ? otherwise : null);
        return;
      }
      case 'loop':
        this.loop(task);
    }
  }

  private tasks(tasks: readonly Task[]): void {
    for (const task of tasks) this.task(task);
  }

  private truth(t: TileTensor): void {
    this.address(t);
    this.f.op('i32.load8_u', 0);
  }

  private loop(task: Task & { kind: 'loop' }): void {
    const { f } = this;
    const count = f.allocate('i64');
    const trip = task.trip ? f.allocate('i64') : null;
    if (task.trip && trip !== null) {
      this.address(task.trip);
      f.op('i64.load', 0);
      f.set(trip);
    }
    f.op('i64.const', 0n);
    f.set(count);
    f.block(() =>
      f.loop(() => {
        if (trip !== null) {
          f.get(count);
          f.get(trip);
          f.op('i64.ge_s');
          f.branchIf(1);
        }
        if (task.cond) {
          this.truth(task.cond);
          f.op('i32.eqz');
          f.branchIf(1);
        }
        this.address(task.counter);
        f.get(count);
        f.op('i64.store', 0);
        this.tasks(task.tasks);
        f.get(count);
        f.op('i64.const', 1n);
        f.op('i64.add');
        f.set(count);
        f.branch(0);
      }),
    );
    f.release(count);
    if (trip !== null) f.release(trip);
  }
}

/** Declares helpers when something first calls them. */
function helperIndex(module: ModuleBuilder): (name: string) => number {
  const declared = new Map<string, number>();
  return (name) => {
    let index = declared.get(name);
    if (index === undefined) {
      const helper = HELPERS.get(name);
      invariant(helper, `no helper function ${name}`);
      index = module.declare(helper.type);
      declared.set(name, index);
      module.define(index, helper.code());
    }
    return index;
  };
}

/**
 * One module for the whole program. It imports `env.memory` and exports `main(constants, arena)`
 * with the addresses of the two spaces; `main` returns 0.
 */
export function emitWasm(program: TaskProgram, options: WasmOptions = {}): WasmCode {
  invariant(program.lanes.length <= 1, 'more than one lane');
  const module = new ModuleBuilder();
  const helper = helperIndex(module);
  const indexOf = new Map<Kernel, number>();
  for (const [i, kernel] of program.kernels.entries()) {
    const params = kernel.params.map(() => 'i32' as const);
    const index = module.declare({ params, results: [] });
    indexOf.set(kernel, index);
    module.define(index, emitKernel(kernel, { relaxedFma: options.relaxedFma ?? false, helper }));
    if (options.exposeKernels) module.export(`k${i}`, index);
  }
  const main = module.declare({ params: ['i32', 'i32'], results: ['i32'] });
  module.define(main, new TaskEmitter(program, indexOf).main());
  module.export('main', main);
  return { bytes: module.encode() };
}
