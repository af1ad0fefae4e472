// Scheduling: a tile program becomes a task program. In: steps over tensors, a device and the
// function that lowers one nest. Out: shared kernels, tasks in order, and the memory plan. Lowering
// is handed in because code generation is a later stage, and so that a timer can be handed in too.
import type { Device } from '../devices/device.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Kernel, Task, TaskProgram } from '../3-tile/task.ts';
import type {
  BranchStep,
  LoopStep,
  Routine,
  Step,
  Stmt,
  TileOp,
  TileProgram,
} from '../3-tile/tile-op.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import { loopMoves, parallelCopies } from './grinder/regions.ts';
import { planMemory } from './memory.ts';
import { Binding, canonicalNest, Pool } from './nest.ts';
import { prepare } from './prepare.ts';
import { chooseTile } from './roller/choose.ts';
import type { Tile } from './roller/tile.ts';
import { fuse } from './welder/fuse.ts';

/** How scheduled work becomes loop statements over formal tensors. */
export interface Lowering {
  /**
   * A canonical operator (formal 1-D tensors, flat indices) under a tile. `aliased`: different
   * formals may share bytes, one of them written.
   */
  op(op: TileOp, tile: Tile, aliased: boolean, device: Device): readonly Stmt[];
  /** A routine's statements, over the formals that `formal` gives. */
  routine(
    body: readonly Stmt[],
    formal: (t: TileTensor) => TileTensor,
    device: Device,
  ): readonly Stmt[];
}

export interface ScheduleOptions {
  readonly device: Device;
  readonly lower: Lowering;
  /** Join operators in registers (default true). */
  readonly fuse?: boolean;
}

class Scheduler {
  readonly kernels: Kernel[] = [];
  private readonly byKey = new Map<string, Kernel>();
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
    let kernel = this.byKey.get(nest.key);
    if (!kernel) {
      const { device, lower } = this.options;
      const prepared = prepare(nest.op);
      const body = lower.op(prepared, chooseTile(prepared, device), nest.aliased, device);
      kernel = this.kernel(op.name, nest.params, body);
      this.byKey.set(nest.key, kernel);
    }
    return [{ kind: 'run', kernel, args: nest.args }];
  }

  private routine(step: Routine): Task {
    const binding = new Binding(this.pool);
    for (const t of [...step.reads, ...step.writes]) binding.formal(t);
    const body = this.options.lower.routine(
      step.body,
      (t) => binding.formal(t),
      this.options.device,
    );
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
  const { steps } = options.fuse === false ? program : fuse(program);
  const tasks = scheduler.tasks(steps);
  const { inputs, outputs, checks } = program;
  const kept = [...outputs, ...checks.map((c) => c.ok)];
  const { plan, constants } = planMemory(tasks, inputs, kept);
  return { kernels: scheduler.kernels, lanes: [tasks], plan, inputs, outputs, constants, checks };
}
