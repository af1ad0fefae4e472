// Register tiles chosen by running them. In: a tile program, a machine, and what loads its artifacts here. Out: what its
// schedule chooses tiles by. A schedule by the cost model says which operators take the cycles; the tiles that rank first
// for those run inside their kernels, side by side. Times are kept by structure: equal operators are measured once, and
// by later compiles not at all.
import { runsOf } from '../3-tile/statements.ts';
import type { Kernel } from '../3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import type { TileOp, TileProgram } from '../3-tile/tile-op.ts';
import { type chooseTile, rankedTiles } from '../4-schedule/roller/choose.ts';
import { ALONE, type Around } from '../4-schedule/roller/pack.ts';
import { type Made, type ScheduleOptions, schedule, scheduleGraphs } from '../4-schedule/schedule.ts';
import type { TileGraph } from '../4-schedule/welder/graph.ts';
import type { Nodes } from '../4-schedule/welder/nodes.ts';
import type { Machine } from '../compile.ts';
import { bytesOf } from '../ir/tensor.ts';
import { lowering } from '../lowering.ts';
import { refuse } from '../support/errors.ts';
import { printProgram } from '../web/text/print.ts';
import type { Launch } from './backend.ts';
import { loadTimer, type Work } from './timer.ts';

/** Tiles that may be asked for, and how much more than the first one they may be predicted to cost. */
const [MAX_TILES, CLOSE] = [64, 1.5];
/** Share of a program's cycles below which an operator is left to the cost model. */
const SHARE = 0.01;
/** Tiles that run for one program, which bounds what compilers take, and bytes that one kernel may read and write. */
const [MAX_WORKS, MAX_BYTES] = [128, 2 ** 28];
/** What is hardly faster than the cost model's choice is not taken: it would be another one next time. */
const GAIN = 0.95;
/** Milliseconds of a measurement at least, and of warming up; how often each is repeated. */
const [LONG_MS, WARM_MS, ROUNDS] = [2, 8, 15];

/** Milliseconds of a call with each of the first tiles. */
export type Times = readonly number[];
export type Kept = Readonly<{ get(key: string): string | undefined; set(key: string, text: string): unknown }>;
/** What chooses tiles, and what was measured of a canonical operator. */
export type Measured = Readonly<{
  choose: typeof chooseTile;
  timesOf(op: TileOp, around?: Around): Times | undefined;
}>;
export type Measure = (program: TileProgram, machine: Machine) => Promise<Measured>;

/** The rank of the tile that is taken. */
export function takenOf(times: Times = []): number {
  const least = Math.min(...times);
  return least < GAIN * times[0] ? times.indexOf(least) : 0;
}

/** With what a machine measures `count` tiles. USAGE for a wrong count, and where nothing launches what is compiled. */
export function measuring(count = 0, launch?: Launch, kept: Kept = new Map()): { measure?: Measure } {
  if (!Number.isInteger(count) || count < 0 || count > MAX_TILES) {
    refuse('USAGE', `cannot measure ${count} tiles`, {}, `Give a whole number from 0 to ${MAX_TILES}.`);
  }
  if (count === 0) return {};
  if (!launch)
    refuse('USAGE', 'measuring needs the device that is compiled for', {}, 'Compile on it, or do not measure.');
  const measure: Measure = async (program, machine) => {
    const { target, features, measure, ...rest } = machine;
    const options = { ...rest, lower: lowering };
    const idOf = (c: Contest): string =>
      JSON.stringify([target.name, [...features].sort(), rest.device, c.key, c.costs]);
    const found = new Map<string, Times>();
    const held: Contest[] = [];
    const works: Work[] = [];
    for (const c of contests(program, options, count)) {
      const known = kept.get(idOf(c));
      const own = known === undefined && works.length + c.costs.length <= MAX_WORKS ? worksOf(c, options) : [];
      if (known !== undefined) found.set(c.key, JSON.parse(known));
      if (own.length > 0) held.push(c);
      works.push(...own);
    }
    const all = works.length > 0 ? await race(works, machine, launch) : [];
    for (const c of held) {
      found.set(c.key, all.splice(0, c.costs.length));
      kept.set(idOf(c), JSON.stringify(found.get(c.key)));
    }
    const timesOf: Measured['timesOf'] = (op, around) => found.get(keyOf(op, around));
    return { timesOf, choose: choosing((op, around) => takenOf(timesOf(op, around))) };
  };
  return { measure };
}

/** An operator in one of its kernels, the predicted costs of tiles to try, and those of all its calls with the first. */
type Contest = Readonly<{ key: string; costs: readonly number[]; graph: TileGraph }> & { cycles: number };

/** Equal for operators of equal structure: their tiles rank alike. */
const keyOf = (op: TileOp, { origins, inputs, made }: Around = ALONE): string =>
  printProgram({ inputs: [], outputs: [], steps: [{ ...op, name: '' }], checks: [] }) +
  [...[...origins].map(([a, step]) => `${a.extent} by ${step}`), '|', ...names(inputs), '|', ...names(made)];
const names = (tensors: ReadonlySet<TileTensor>): string[] => [...tensors].map((t) => t.name);

const choosing =
  (rank: (op: TileOp, around?: Around) => number): typeof chooseTile =>
  (op, device, around) =>
    rankedTiles(op, device, around)[rank(op, around)].tile;

/** How often each operator runs in a call of its kernel, in order. */
const turnsOf = (nodes: Nodes<unknown>, turns = 1): number[] =>
  nodes.flatMap((n) => {
    if (n.kind === 'op') return [turns];
    return n.kind === 'let' ? [] : turnsOf(n.body, n.kind === 'loop' ? turns * Math.ceil(n.extent / n.step) : turns);
  });

/** The operators that take time and have several tiles to try, the most expensive first. */
function contests(program: TileProgram, options: ScheduleOptions, count: number): Contest[] {
  const made: [Kernel, Made][] = [];
  const { lanes, inputs } = schedule(program, { ...options, made: (kernel, how) => made.push([kernel, how]) });
  const runs = runsOf(lanes.flat());
  const found = new Map<string, Contest>();
  for (const [kernel, { graph, tiled, around }] of made) {
    const calls = runs.filter((r) => r.kernel === kernel).length;
    const turns = turnsOf(graph.nodes);
    for (const [i, { op }] of tiled.entries()) {
      const costs = rankedTiles(op, options.device, around).map((r) => r.cost);
      const close = costs.slice(0, count).filter((c) => c <= CLOSE * costs[0]);
      const key = keyOf(op, around);
      const contest = found.get(key) ?? { key, costs: close, graph, cycles: 0 };
      contest.cycles += calls * turns[i] * costs[0];
      found.set(key, contest);
    }
  }
  const all = [...found.values()].sort((a, b) => b.cycles - a.cycles);
  const least = SHARE * all.reduce((n, c) => n + c.cycles, 0);
  // What takes no inputs runs once.
  return all.filter((c) => c.cycles >= least && c.costs.length > 1 && inputs.length > 0);
}

/** The kernel with each of the tiles, over tensors of its own; none where it is too large. */
function worksOf({ key, costs, graph }: Contest, options: ScheduleOptions): Work[] {
  const works = costs.map((_, nth) => {
    const choose = choosing((op, around) => (keyOf(op, around) === key ? nth : 0));
    const own = new Map<TileTensor, TileTensor>();
    const ownOf = (t: TileTensor): TileTensor =>
      own.get(t) ?? own.set(t, newTensor(t.name, t.dtype, t.shape, 'temp')).get(t)!;
    const { tasks } = scheduleGraphs([graph], { ...options, choose });
    return runsOf(tasks).map((r) => ({ ...r, args: r.args.map((t) => ownOf(owner(t))) }));
  });
  const bytes = works[0].reduce((n, r) => n + r.args.reduce((m, t) => m + bytesOf(t), 0), 0);
  return bytes > MAX_BYTES ? [] : works;
}

/** Milliseconds of a turn of each work: the fewest of interleaved rounds, as what disturbs a run only slows it. */
async function race(works: readonly Work[], machine: Machine, launch: Launch): Promise<number[]> {
  const timer = await loadTimer(machine, launch, works);
  const best = works.map(() => Number.POSITIVE_INFINITY);
  const turns = works.map(() => 1);
  const run = (i: number): number => {
    const ms = timer.time(i, turns[i]);
    best[i] = Math.min(best[i], ms / turns[i]);
    if (ms < LONG_MS) turns[i] *= 2;
    return ms;
  };
  // Engines compile anew what has run a while: this starts it for all.
  for (const i of works.keys()) for (let ms = 0; ms < WARM_MS; ) ms += run(i);
  for (let n = 0; n < ROUNDS; n++) {
    timer.fill();
    for (const i of works.keys()) run(i);
  }
  timer.dispose();
  return best;
}
