// Scheduling: a tile program becomes a task program. In: steps over tensors, a device and the
// function that lowers one nest. Out: shared kernels, tasks in order, and the memory plan. Lowering
// is handed in because code generation is a later stage, and so that a timer can be handed in too.
import type { Expr } from '../3-tile/expr.ts';
import { effects } from '../3-tile/statements.ts';
import type { Kernel, Task, TaskProgram } from '../3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import type { BranchStep, LoopStep, Routine, Step, Stmt, TileOp, TileProgram } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import { elementCount } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { clippedParts } from './clip.ts';
import { dotProducts } from './dot.ts';
import { evenParts } from './even.ts';
import { loopMoves, parallelCopies } from './grinder/regions.ts';
import { integerSums } from './integers.ts';
import { layOut } from './layout.ts';
import { Contents, planMemory } from './memory.ts';
import { Binding, canonicalGraph, graphKey, type Nest, Pool } from './nest.ts';
import { prepare } from './prepare.ts';
import { chooseTile } from './roller/choose.ts';
import { readsMatrices, SUMS } from './roller/matrix.ts';
import { type Around, type Copy, copyingOp, pack, packingOp, type Recipe, rearranged } from './roller/pack.ts';
import type { Tile } from './roller/tile.ts';
import { followed, surroundings } from './welder/around.ts';
import { deferredScales } from './welder/defer.ts';
import { type Alternatives, fuse } from './welder/fuse.ts';
import { single, type TileGraph } from './welder/graph.ts';
import { ownMeans } from './welder/moments.ts';
import { mapNodes, type Node, type Nodes } from './welder/nodes.ts';
import type { Steps } from './welder/online.ts';
import { effectsOf, mapOps, walkSteps } from './welder/region.ts';
import { type ChooseWay, type Estimate, type Users, Welder } from './welder/weld.ts';
import { widened } from './widen.ts';
import { type ChooseFilter, minimalFilters } from './winograd.ts';

const MAX_LABEL = 60;

/** A canonical operator (formal 1-D tensors, flat indices) with its tile. */
export type Tiled = Readonly<{ op: TileOp; tile: Tile }>;

/** What the scheduler tells of a kernel as it makes it. */
export interface Made {
  readonly graph: TileGraph;
  /** In the order of the graph's operators; canonical. */
  readonly tiled: readonly Tiled[];
  readonly around: Around;
  /** Estimated cycles of one kernel with the graph after it; null: not legal; undefined: there is none. */
  readonly withNext: { readonly name: string; readonly together: number | null; readonly apart: number } | undefined;
}

/** How scheduled work becomes loop statements over formal tensors. */
export interface Lowering {
  /** Operators in loops over tiles. `aliased`: different formals may share bytes, one of them written. */
  graph(nodes: Nodes<Tiled>, aliased: boolean, device: Device): readonly Stmt[];
  /** The expression without scalar functions; the memo is kept for one operator or routine. */
  scalar(e: Expr, device: Device, memo: Map<Expr, Expr>): Expr;
  /** A routine's statements, over the formals that `formal` gives. */
  routine(body: readonly Stmt[], formal: (t: TileTensor) => TileTensor, device: Device): readonly Stmt[];
}

export interface ScheduleOptions {
  readonly device: Device;
  readonly lower: Lowering;
  /** Join operators: in registers and tile by tile (default true). */
  readonly fuse?: boolean;
  /** Slide constant windows with fewer multiplications where that is faster; it rounds differently (default true). */
  readonly winograd?: boolean;
  /** What picks filters for such windows (default: the cost model); for trying others. */
  readonly filter?: ChooseFilter;
  /** Rearrange operands into the order in which tiles read them (default true). */
  readonly pack?: boolean;
  /** What picks register tiles (default: the first that the cost model ranks); for measuring others. */
  readonly choose?: typeof chooseTile;
  /** What picks how operators that the cheapest cover joins share kernels (default: so); for measuring other ways. */
  readonly join?: ChooseWay;
  /** What tile graphs are compared by (default: the cost model); for trying others. */
  readonly estimate?: Estimate;
  /** Steps of keys over which a softmax that feeds a product may stream (default: some, for long rows; `[]`: none). */
  readonly keySteps?: Steps;
  /** Hears of every kernel that tile graphs become, once. */
  readonly made?: (kernel: Kernel, how: Made) => void;
}

/** A kernel and how its constants must be arranged. */
interface Entry {
  readonly kernel: Kernel;
  readonly recipes: ReadonlyMap<number, Recipe>;
  /** What it rearranges itself, into parameters after the others. */
  readonly copies: readonly Copy[];
}

const isEmpty = (op: TileOp): boolean => op.axes.some((a) => a.extent === 0) || elementCount(op.write.shape) === 0;

const nameOf = ({ members }: TileGraph): string =>
  [...new Set(members.flatMap(({ op }) => op.name.split('+')))].join('+').slice(0, MAX_LABEL);

class Scheduler {
  readonly kernels: Kernel[] = [];
  private readonly byKey = new Map<string, Entry>();
  private readonly packed = new Map<string, TileTensor>();
  private readonly contents = new Contents();
  private readonly pool = new Pool();
  private readonly options: ScheduleOptions;
  /** Null: operators stay apart. */
  private readonly welder: Welder | null;

  constructor(options: ScheduleOptions, welder: Welder | null) {
    this.options = options;
    this.welder = welder;
  }

  /** Runs of operators are welded; what stands between them is done in its place. */
  tasks(steps: readonly Step[]): Task[] {
    const tasks: Task[] = [];
    let run: TileOp[] = [];
    const flush = (): void => {
      const graphs = this.welder?.cover(run, this.options.join) ?? run.map((op) => single(op));
      tasks.push(...graphs.flatMap((g, i) => this.graph(g, graphs[i + 1])));
      run = [];
    };
    for (const step of steps) {
      if (step.kind === 'op') {
        if (!isEmpty(step)) run.push(step);
        continue;
      }
      flush();
      tasks.push(...this.step(step));
    }
    flush();
    return tasks;
  }

  private step(step: Exclude<Step, TileOp>): Task[] {
    if (step.kind === 'loop') return this.loop(step);
    return [step.kind === 'routine' ? this.routine(step) : this.branch(step)];
  }

  private kernel(name: string, params: readonly TileTensor[], body: readonly Stmt[]): Kernel {
    const kernel = { id: this.kernels.length, name, params, body };
    this.kernels.push(kernel);
    return kernel;
  }

  /** The call of a graph's kernel; `next` is the graph after it. */
  graph(graph: TileGraph, next?: TileGraph): Task[] {
    const binding = new Binding(this.pool);
    const canonical = canonicalGraph(graph.nodes, this.pool, binding);
    const key = graphKey(canonical, binding);
    const entry = (): Entry => this.entry(graph, canonical, binding, next);
    const { kernel, recipes, copies } = entryOf(this.byKey, key, entry);
    const tasks: Task[] = [];
    const own = copies.map(({ to }) => newTensor('packed', to.dtype, to.shape, 'temp'));
    const args = binding.args.map((t, i) => {
      const recipe = recipes.get(i);
      if (!recipe) return t;
      if (t.data) return this.pack(t, recipe);
      const copy = packingOp(t, recipe);
      tasks.push(...this.graph(single(copy)));
      return copy.write;
    });
    const sums = Object.values(SUMS).filter((t) => kernel.params.includes(t));
    return [...tasks, { kind: 'run', kernel, args: [...args, ...own, ...sums] }];
  }

  /** Chooses the tiles of a new kind of work and lowers it. */
  private entry(graph: TileGraph, nodes: Nodes<Nest>, binding: Binding, next?: TileGraph): Entry {
    const { device, lower, made, choose = chooseTile, pack: packs = true } = this.options;
    const all: Tiled[] = [];
    const recipes = new Map<number, Recipe>();
    const params = [...binding.params];
    const copies: Copy[] = [];
    const around = surroundings(graph, nodes, binding);
    const tiled = (nest: Nest, on = device): Tiled => {
      const op = prepare(nest.op, device, lower);
      const tile = choose(op, on, around);
      const packed = packs ? pack(op, tile, params, this.pool, around) : null;
      const result = packed ?? { op, tile };
      // What packing cannot arrange is left to vectors.
      if (tile.matrix && !readsMatrices(result)) return tiled(nest, { ...device, peaks: [] });
      all.push({ op, tile });
      if (!packed) return result;
      for (const [i, r] of packed.recipes) recipes.set(i, r);
      params.splice(0, params.length, ...packed.params);
      copies.push(...packed.copies);
      return packed;
    };
    const same = <T>(x: T): T => x;
    const copied = (t: TileTensor): Node<Tiled>[] =>
      copies.flatMap((c) => {
        if (c.from !== t) return [];
        const op = copyingOp(c, this.pool);
        return [{ kind: 'op', op: { op, tile: choose(op, device) } }];
      });
    const body = lower.graph(followed(mapNodes(nodes, tiled, same, same), copied), binding.aliased, device);
    params.push(...Object.values(SUMS).filter((t) => effects(body).has(t)));
    const kernel = this.kernel(nameOf(graph), params, body);
    made?.(kernel, { graph, tiled: all, around, withNext: next && this.withNext(graph, next) });
    return { kernel, recipes, copies };
  }

  private withNext(graph: TileGraph, next: TileGraph): Made['withNext'] {
    const costs = this.welder?.costs(graph, next);
    return costs && { name: nameOf(next), ...costs };
  }

  /** A rearranged constant; equal arrangements of one constant are made once. */
  private pack(given: TileTensor, recipe: Recipe): TileTensor {
    const t = this.contents.first(given);
    const key = `${t.id}|${recipe.start}|${recipe.extents}|${recipe.strides}`;
    const data = rearranged(t.data!, recipe);
    return entryOf(this.packed, key, () => newTensor(t.name, t.dtype, recipe.extents, 'constant', { data }));
  }

  private routine(step: Routine): Task {
    const binding = new Binding(this.pool);
    for (const t of [...step.reads, ...step.writes]) binding.formal(t);
    const body = this.options.lower.routine(step.body, (t) => binding.formal(t), this.options.device);
    const kernel = this.kernel(step.name, binding.params, body);
    return { kind: 'run', kernel, args: binding.args };
  }

  private copies(moves: ReturnType<typeof loopMoves>['before']): Task[] {
    return parallelCopies(moves)
      .filter((op) => !isEmpty(op))
      .flatMap((op) => this.graph(single(op)));
  }

  private loop(step: LoopStep): Task[] {
    const { before, after } = loopMoves(step);
    const tasks = [...this.tasks(step.steps), ...this.copies(after)];
    const cond = step.cond?.state ?? null;
    const loop: Task = { kind: 'loop', trip: step.trip, cond, counter: step.counter, tasks };
    return [...this.copies(before), loop];
  }

  private branch(step: BranchStep): Task {
    return { kind: 'branch', cond: step.cond, then: this.tasks(step.then), else: this.tasks(step.else) };
  }
}

/** Who uses which bytes; null stands for whoever calls the program. */
function usersOf({ steps }: TileProgram, visible: readonly TileTensor[]): Users {
  const users = new Map<TileTensor, Set<Step | null>>(visible.map((t) => [owner(t), new Set([null])]));
  for (const s of walkSteps(steps)) {
    const { reads, writes } = effectsOf(s);
    for (const t of [...reads, ...writes]) users.set(t, (users.get(t) ?? new Set()).add(s));
  }
  return users;
}

/** The kernels of given graphs and their calls in order. */
export function scheduleGraphs(graphs: readonly TileGraph[], options: ScheduleOptions) {
  const scheduler = new Scheduler(options, null);
  const tasks = graphs.flatMap((g) => scheduler.graph(g));
  return { kernels: scheduler.kernels, tasks };
}

/** The task program of a tile program for this device. */
export function schedule(program: TileProgram, options: ScheduleOptions): TaskProgram {
  const { inputs, outputs, checks } = program;
  const kept = [...outputs, ...checks.map((c) => c.ok)];
  const { device, winograd = true, filter } = options;
  const apart = options.fuse === false;
  const filtered = (steps: readonly Step[]) => (winograd ? minimalFilters(steps, device, filter) : steps);
  const alternatives: Alternatives = (steps, pinned) =>
    evenParts(mapOps(filtered(ownMeans(deferredScales(steps, pinned), pinned)), clippedParts), device);
  const fused = apart
    ? program
    : fuse(dotProducts(layOut(integerSums(widened(program, device), device)), device), alternatives);
  const welder = apart
    ? null
    : new Welder(usersOf(fused, [...inputs, ...kept]), device, options.estimate, options.keySteps);
  const scheduler = new Scheduler(options, welder);
  const tasks = scheduler.tasks(fused.steps);
  const { plan, constants } = planMemory(tasks, inputs, kept);
  return { kernels: scheduler.kernels, lanes: [tasks], plan, inputs, outputs, constants, checks };
}
