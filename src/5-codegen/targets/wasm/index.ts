// The WebAssembly target: a scheduled program to one module, a function per kernel, the helpers they call, and
// `main(constants, arena)`, which runs the tasks of the one lane. In: TaskProgram. Out: the bytes.
import {
  type Kernel,
  type LoopTask,
  type MemoryPlan,
  placeOf,
  type Task,
  type TaskProgram,
} from '../../../3-tile/task.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { invariant } from '../../../support/errors.ts';
import type { Target } from '../target.ts';
import { type FunctionCode, ModuleBuilder } from './encoder.ts';
import { FunctionBuilder } from './function.ts';
import { HELPERS } from './helpers.ts';
import { emitFunction } from './kernel.ts';
import type { LowFunction } from './low.ts';
import { lowerKernel } from './lower.ts';

/** Parameters of `main`. */
const ADDRESSES = { constants: 0, arena: 1 };

function pushAddress(f: FunctionBuilder, plan: MemoryPlan, t: TileTensor): void {
  const place = placeOf(plan, t);
  f.get(ADDRESSES[place.space]);
  if (place.offset > 0) f.add('i32', place.offset);
}

/** The function that runs the tasks. */
function emitMain({ lanes, plan }: TaskProgram, indexOf: ReadonlyMap<Kernel, number>): FunctionCode {
  const f = new FunctionBuilder(2);
  const address = (t: TileTensor): void => pushAddress(f, plan, t);
  const truth = (t: TileTensor): void => {
    address(t);
    f.op('i32.load8_u', 0);
  };
  const run = (tasks: readonly Task[]): void => {
    for (const task of tasks) {
      if (task.kind === 'run') {
        const index = indexOf.get(task.kernel);
        invariant(index !== undefined, `kernel ${task.kernel.name} is not in the program`);
        invariant(task.args.length === task.kernel.params.length, `arguments of ${task.kernel.name}`);
        for (const t of task.args) address(t);
        f.call(index);
      } else if (task.kind === 'branch') {
        truth(task.cond);
        f.if(() => run(task.then), task.else.length > 0 ? () => run(task.else) : null);
      } else loop(task);
    }
  };
  const loop = ({ trip, cond, counter, tasks }: LoopTask): void => {
    const [count, last] = [f.allocate('i64'), f.allocate('i64')];
    if (trip) {
      address(trip);
      f.op('i64.load', 0);
      f.set(last);
    }
    f.op('i64.const', 0n);
    f.set(count);
    const iteration = (): void => {
      if (trip) {
        f.on('i64.ge_s', count, last);
        f.branchIf(1);
      }
      if (cond) {
        truth(cond);
        f.op('i32.eqz');
        f.branchIf(1);
      }
      address(counter);
      f.get(count);
      f.op('i64.store', 0);
      run(tasks);
      f.increase(count, 'i64', 1n);
      f.branch(0);
    };
    f.block(() => f.loop(iteration));
    f.release(count);
    f.release(last);
  };
  run(lanes[0] ?? []);
  f.op('i32.const', 0);
  return f.finish();
}

/** Puts functions into the module, and helpers when something first calls them; gives their indices. */
function definer(module: ModuleBuilder): (low: LowFunction) => number {
  const helpers = new Map<string, number>();
  const helper = (name: string): number => {
    const make = HELPERS.get(name);
    invariant(make, `no helper function ${name}`);
    if (!helpers.has(name)) helpers.set(name, define(make()));
    return helpers.get(name)!;
  };
  const define = (low: LowFunction): number => {
    const results = low.result ? [low.result.type] : [];
    const index = module.declare({ params: low.params.map((p) => p.type), results });
    module.define(index, emitFunction(low, helper));
    return index;
  };
  return define;
}

/** The feature that makes `fma` one instruction; without it, a product and a sum. */
export const RELAXED_SIMD = 'relaxed-simd';

/** The module imports `env.memory` and exports `main(constants, arena)`, of two addresses; `main` returns 0. */
export const wasmTarget = {
  name: 'wasm',
  emit(program, { features, exposeKernels = false } = {}) {
    const relaxedFma = features?.has(RELAXED_SIMD) ?? false;
    invariant(program.lanes.length <= 1, 'more than one lane');
    const module = new ModuleBuilder();
    const define = definer(module);
    const indexOf = new Map<Kernel, number>();
    for (const [i, kernel] of program.kernels.entries()) {
      const index = define(lowerKernel(kernel, relaxedFma));
      indexOf.set(kernel, index);
      if (exposeKernels) module.exports.set(`k${i}`, index);
    }
    const main = module.declare({ params: ['i32', 'i32'], results: ['i32'] });
    module.define(main, emitMain(program, indexOf));
    module.exports.set('main', main);
    const bytes = module.encode();
    const needs = relaxedFma ? [RELAXED_SIMD] : [];
    return { target: 'wasm', extension: 'wasm', bytes, features: needs };
  },
} satisfies Target;
