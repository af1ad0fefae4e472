// Scheduling: a tile program becomes a task program. In: steps over tensors, a device and the
// function that lowers one nest. Out: shared kernels, tasks in order, and the memory plan. Lowering
// is handed in because code generation is a later stage, and so that a timer can be handed in too.

import type { Kernel, Task, TaskProgram } from '../3-tile/task.ts';
import { newTensor, type TileTensor } from '../3-tile/tensor.ts';
import type { BranchStep, LoopStep, Routine, Step, Stmt, TileOp, TileProgram } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { loopMoves, parallelCopies } from './grinder/regions.ts';
import { layOut } from './layout.ts';
import { planMemory } from './memory.ts';
import { Binding, canonicalNest, type Nest, Pool } from './nest.ts';
import { prepare } from './prepare.ts';
import { chooseTile } from './roller/choose.ts';
import { pack, packBytes, type Recipe } from './roller/pack.ts';
import type { Tile } from './roller/tile.ts';
import { type Alternatives, fuse } from './welder/fuse.ts';
import { minimalFilters } from './winograd.ts';

/** How scheduled work becomes loop statements over formal tensors. */
export interface Lowering {
  /**
   * A canonical operator (formal 1-D tensors, flat indices) under a tile. `aliased`: different
   * formals may share bytes, one of them written.
   */
  op(op: TileOp, tile: Tile, aliased: boolean, device: Device): readonly Stmt[];
  /** A routine's statements, over the formals that `formal` gives. */
  routine(body: readonly Stmt[], formal: (t: TileTensor) => TileTensor, device: Device): readonly Stmt[];
}

export interface ScheduleOptions {
  readonly device: Device;
  readonly lower: Lowering;
  /** Join operators in registers (default true). */
  readonly fuse?: boolean;
  /** Slide constant windows with fewer multiplications where that is faster; it rounds differently (default true). */
  readonly winograd?: boolean;
}

/** A kernel and how its constants must be arranged. */
interface Entry {
  readonly kernel: Kernel;
  readonly recipes: ReadonlyMap<number, Recipe>;
}

class Scheduler {
  readonly kernels: Kernel[] = [];
  private readonly byKey = new Map<string, Entry>();
  private readonly packed = new Map<string, TileTensor>();
  private readonly pool = new Pool();
  private readonly options: ScheduleOptions;

  constructor(options: ScheduleOptions) {
    this.options = options;
  }

  tasks(steps: readonly Step[]): Task[] {
    return steps.flatMap((step) => this.step(step));
  }

  private step(step: Step): Task[] {
    switch (step.kind) {
      case 'op':
        return this.op(step);
      case 'routine':
        return [this.routine(step)];
      case 'loop':
        return this.loop(step);
      case 'branch':
        return [this.branch(step)];
    }
  }

  private kernel(name: string, params: readonly TileTensor[], body: readonly Stmt[]): Kernel {
    const kernel = { id: this.kernels.length, name, params, body };
    this.kernels.push(kernel);
    return kernel;
  }

  private op(op: TileOp): Task[] {
    if (op.axes.some((a) => a.extent === 0) || elementCount(op.write.shape) === 0) return [];
    const nest = canonicalNest(op, this.pool);
    let entry = this.byKey.get(nest.key);
    if (!entry) this.byKey.set(nest.key, (entry = this.entry(op.name, nest)));
    const { kernel, recipes } = entry;
    const args = nest.args.map((t, i) => {
      const recipe = recipes.get(i);
      return recipe ? this.pack(t, recipe) : t;
    });
    return [{ kind: 'run', kernel, args }];
  }

  /** Chooses a tile for a new kind of operator and lowers it. */
  private entry(name: string, nest: Nest): Entry {
    const { device, lower } = this.options;
    const prepared = prepare(nest.op);
    const tile = chooseTile(prepared, device);
    const packed = pack(prepared, tile, nest.params, this.pool) ?? {
      op: prepared,
      tile,
      params: nest.params,
      recipes: new Map(),
    };
    const body = lower.op(packed.op, packed.tile, nest.aliased, device);
    return { kernel: this.kernel(name, packed.params, body), recipes: packed.recipes };
  }

  /** A rearranged constant; equal arrangements of one constant are made once. */
  private pack(t: TileTensor, recipe: Recipe): TileTensor {
    const key = `${t.id}|${recipe.start}|${recipe.extents}|${recipe.strides}`;
    let made = this.packed.get(key);
    if (!made) {
      const bytes = packBytes(t.data!.bytes, dtypeInfo(t.dtype).bytes, recipe);
      const data = { dtype: t.dtype, shape: recipe.extents, bytes };
      made = newTensor(t.name, t.dtype, recipe.extents, 'constant', { data });
      this.packed.set(key, made);
    }
    return made;
  }

  private routine(step: Routine): Task {
    const binding = new Binding(this.pool);
    for (const t of [...step.reads, ...step.writes]) binding.formal(t);
    const body = this.options.lower.routine(step.body, (t) => binding.formal(t), this.options.device);
    const kernel = this.kernel(step.name, binding.params, body);
    return { kind: 'run', kernel, args: binding.args };
  }

  private copies(moves: ReturnType<typeof loopMoves>['before']): Task[] {
    return parallelCopies(moves).flatMap((op) => this.op(op));
  }

  private loop(step: LoopStep): Task[] {
    const { before, after } = loopMoves(step);
    const tasks = [...this.tasks(step.steps), ...this.copies(after)];
    const cond = step.cond?.state ?? null;
    const loop: Task = { kind: 'loop', trip: step.trip, cond, counter: step.counter, tasks };
    return [...this.copies(before), loop];
  }

  private branch(step: BranchStep): Task {
    return {
      kind: 'branch',
      cond: step.cond,
      then: this.tasks(step.then),
      else: this.tasks(step.else),
    };
  }
}

/** The task program of a tile program for this device. */
export function schedule(program: TileProgram, options: ScheduleOptions): TaskProgram {
  const scheduler = new Scheduler(options);
  const { device, winograd = true } = options;
  const alternatives: Alternatives = (steps) => (winograd ? minimalFilters(steps, device) : steps);
  const { steps } = options.fuse === false ? program : fuse(layOut(program), alternatives);
  const tasks = scheduler.tasks(steps);
  const { inputs, outputs, checks } = program;
  const kept = [...outputs, ...checks.map((c) => c.ok)];
  const { plan, constants } = planMemory(tasks, inputs, kept);
  return { kernels: scheduler.kernels, lanes: [tasks], plan, inputs, outputs, constants, checks };
}
