// A scheduled program to one WebAssembly module: a function per kernel, the helpers they call, and
// `main(constants, arena)`, which runs the tasks of the one lane. In: TaskProgram. Out: the bytes.
import type { Kernel, LoopTask, Task, TaskProgram } from '../../../3-tile/task.ts';
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

/** Parameters of `main`. */
const ADDRESSES = { constants: 0, arena: 1 };

class TaskEmitter {
  private readonly f = new FunctionBuilder(2);
  private readonly program: TaskProgram;
  private readonly indexOf: ReadonlyMap<Kernel, number>;

  constructor(program: TaskProgram, indexOf: ReadonlyMap<Kernel, number>) {
    this.program = program;
    this.indexOf = indexOf;
  }

  main(): FunctionCode {
    this.tasks(this.program.lanes[0] ?? []);
    this.f.op('i32.const', 0);
    return this.f.finish();
  }

  /** Pushes the address of a tensor. */
  private address(t: TileTensor): void {
    const place = this.program.plan.places.get(owner(t));
    invariant(place, `tensor ${t.name} has no place`);
    this.f.get(ADDRESSES[place.space]);
    if (place.offset === 0) return;
    this.f.op('i32.const', place.offset);
    this.f.op('i32.add');
  }

  private tasks(tasks: readonly Task[]): void {
    for (const task of tasks) {
      if (task.kind === 'run') {
        const index = this.indexOf.get(task.kernel);
        invariant(index !== undefined, `kernel ${task.kernel.name} is not in the program`);
        invariant(task.args.length === task.kernel.params.length, `arguments of ${task.kernel.name}`);
        for (const t of task.args) this.address(t);
        this.f.call(index);
      } else if (task.kind === 'branch') {
        this.truth(task.cond);
        this.f.if(() => this.tasks(task.then), task.else.length > 0 ? () => this.tasks(task.else) : null);
      } else this.loop(task);
    }
  }

  private truth(t: TileTensor): void {
    this.address(t);
    this.f.op('i32.load8_u', 0);
  }

  private loop({ trip, cond, counter, tasks }: LoopTask): void {
    const { f } = this;
    const [count, last] = [f.allocate('i64'), f.allocate('i64')];
    if (trip) {
      this.address(trip);
      f.op('i64.load', 0);
      f.set(last);
    }
    f.op('i64.const', 0n);
    f.set(count);
    const iteration = (): void => {
      if (trip) {
        f.get(count);
        f.get(last);
        f.op('i64.ge_s');
        f.branchIf(1);
      }
      if (cond) {
        this.truth(cond);
        f.op('i32.eqz');
        f.branchIf(1);
      }
      this.address(counter);
      f.get(count);
      f.op('i64.store', 0);
      this.tasks(tasks);
      f.get(count);
      f.op('i64.const', 1n);
      f.op('i64.add');
      f.set(count);
      f.branch(0);
    };
    f.block(() => f.loop(iteration));
    for (const local of [count, last]) f.release(local);
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
      declared.set(name, (index = module.declare(helper.type)));
      module.define(index, helper.code());
    }
    return index;
  };
}

/**
 * One module for the whole program. It imports `env.memory` and exports `main(constants, arena)`
 * with the addresses of the two spaces; `main` returns 0.
 */
export function emitWasm(program: TaskProgram, options: WasmOptions = {}): Uint8Array {
  invariant(program.lanes.length <= 1, 'more than one lane');
  const module = new ModuleBuilder();
  const helper = helperIndex(module);
  const indexOf = new Map<Kernel, number>();
  for (const [i, kernel] of program.kernels.entries()) {
    const index = module.declare({ params: kernel.params.map(() => 'i32'), results: [] });
    indexOf.set(kernel, index);
    module.define(index, emitKernel(kernel, { relaxedFma: options.relaxedFma ?? false, helper }));
    if (options.exposeKernels) module.export(`k${i}`, index);
  }
  const main = module.declare({ params: ['i32', 'i32'], results: ['i32'] });
  module.define(main, new TaskEmitter(program, indexOf).main());
  module.export('main', main);
  return module.encode();
}
