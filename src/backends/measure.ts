// Decisions taken by running alternatives. In: a tile program, a machine, and what loads its artifacts here. Out: what says
// how joined operators share kernels, and then their register tiles. For what takes the cycles by the cost model, ways to
// do the same run side by side. Times are kept by structure: what is equal is measured once, and later not at all.
import { type RunTask, runsOf } from '../3-tile/statements.ts';
import type { Kernel } from '../3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import type { TileOp, TileProgram } from '../3-tile/tile-op.ts';
import { Binding, canonicalNest, Pool } from '../4-schedule/nest.ts';
import { type chooseTile, rankedTiles } from '../4-schedule/roller/choose.ts';
import { ALONE, type Around } from '../4-schedule/roller/pack.ts';
import { type Made, type ScheduleOptions, schedule, scheduleGraphs } from '../4-schedule/schedule.ts';
import type { TileGraph } from '../4-schedule/welder/graph.ts';
import type { Nodes } from '../4-schedule/welder/nodes.ts';
import { planCost, sketch } from '../4-schedule/welder/plan-cost.ts';
import type { ChooseWay, Joint, Way } from '../4-schedule/welder/weld.ts';
import type { Machine } from '../compile.ts';
import type { Device } from '../devices/device.ts';
import { bytesOf } from '../ir/tensor.ts';
import { lowering } from '../lowering.ts';
import { entryOf } from '../support/collections.ts';
import { refuse } from '../support/errors.ts';
import { printProgram } from '../web/text/print.ts';
import { wayText } from '../web/text/way.ts';
import type { Launch } from './backend.ts';
import { loadTimer, type Work } from './timer.ts';

/** Alternatives that may be asked for, and how much more than the first tiles and ways may be predicted to cost. */
const [MAX_COUNT, CLOSE, NEAR] = [64, 1.5, 1.15];
/** Share of the cycles of all decisions of a kind below which one is left to the cost model. */
const SHARE = 0.01;
/** For one kind, works, which bounds what compilers take, predicted ms of a turn of all, and bytes of a work. */
const [MAX_WORKS, MAX_MS, MAX_BYTES] = [64, 600, 2 ** 28];
/** What is hardly faster than the cost model's choice is not taken: it would be another one next time. */
const GAIN = 0.95;
/** Milliseconds of a measurement at least, and of warming up; how often it is repeated at most, and once it took long. */
const [LONG_MS, WARM_MS, ROUNDS, FEWEST, ENOUGH_MS] = [2, 8, 15, 4, 150];

/** Milliseconds of a call with each of the first alternatives. */
export type Times = readonly number[];
export type Kept = Readonly<{ get(key: string): string | undefined; set(key: string, text: string): unknown }>;
/** What decides, and what was measured: of a canonical operator, and of the ways to join operators that were tried. */
export type Measured = Readonly<{
  taking: Required<Pick<ScheduleOptions, 'choose' | 'join'>>;
  timesOf(op: TileOp, around?: Around): Times | undefined;
  waysOf(joint: Joint): Readonly<{ ways: readonly Way[]; ms: Times | undefined; taken: Way }>;
}>;
export type Measure = (program: TileProgram, machine: Machine) => Promise<Measured>;

/** The rank of the alternative that is taken. */
export function takenOf(times: Times = []): number {
  const least = Math.min(...times);
  return least < GAIN * times[0] ? times.indexOf(least) : 0;
}

/** With what a machine measures `count` alternatives. USAGE for a wrong count, and where nothing launches its programs. */
export function measuring(count = 0, launch?: Launch, kept: Kept = new Map()): { measure?: Measure } {
  if (!Number.isInteger(count) || count < 0 || count > MAX_COUNT) {
    refuse('USAGE', `cannot measure ${count} alternatives`, {}, `Give a whole number from 0 to ${MAX_COUNT}.`);
  }
  if (count === 0) return {};
  if (!launch)
    refuse('USAGE', 'measuring needs the device that is compiled for', {}, 'Compile on it, or do not measure.');
  const measure: Measure = async (program, machine) => {
    const { target, features, measure, ...rest } = machine;
    const options = { ...rest, lower: lowering };
    const times = new Map<string, Times>();
    const ranks: Ranks = (key) => takenOf(times.get(key));
    const settle = async (contests: readonly Contest[]): Promise<void> => {
      const open: [id: string, Contest][] = [];
      // What takes no inputs runs once.
      for (const c of program.inputs.length > 0 ? worthwhile(contests, rest.device) : []) {
        const id = JSON.stringify([target.name, [...features].sort(), rest.device, c.key, c.costs]);
        const known = kept.get(id);
        if (known === undefined) open.push([id, c]);
        else times.set(c.key, JSON.parse(known));
      }
      const works = open.flatMap(([, c]) => c.costs.map((_, nth) => c.work(nth)));
      const ms = works.length > 0 ? await race(works, machine, launch) : [];
      for (const [id, { key, costs }] of open) {
        times.set(key, ms.splice(0, costs.length));
        kept.set(id, JSON.stringify(times.get(key)));
      }
    };
    const waysOf: Measured['waysOf'] = (joint) => {
      const { ways, key } = triedOf(joint, count);
      return { ways, ms: times.get(key), taken: ways[ranks(key)] };
    };
    const join: ChooseWay = (joint) => waysOf(joint).taken;
    await settle(joints(program, options, count));
    await settle(tiles(program, { ...options, join }, count));
    return {
      taking: { join, choose: choosing(ranks) },
      waysOf,
      timesOf: (op, around) => times.get(tileKey(op, around)),
    };
  };
  return { measure };
}

/** Alternatives for some operators: predicted costs, and what runs for one of them. */
type Contest = Readonly<{ key: string; costs: readonly number[]; ops: readonly TileOp[]; work(nth: number): Work }> & {
  /** Predicted cycles of a work, and of all that this decides in the program. */
  readonly once: number;
  cycles: number;
};
/** The alternative that is taken in the contest of this key. */
type Ranks = (key: string) => number;

const close = <T extends { cost: number }>(all: readonly T[], count: number, by = CLOSE): T[] =>
  all.filter((x) => x.cost <= by * all[0].cost).slice(0, count);

/** The most expensive that time and room are for, some with fewer alternatives: by prediction, so always the same. */
function worthwhile(contests: readonly Contest[], { clock }: Device): Contest[] {
  const least = SHARE * contests.reduce((n, c) => n + c.cycles, 0);
  const all = contests.filter((c) => c.cycles >= least).sort((a, b) => b.cycles - a.cycles);
  let [works, cycles] = [MAX_WORKS, 1e6 * MAX_MS * clock];
  return all.flatMap((c) => {
    const count = Math.min(c.costs.length, works, Math.floor(cycles / c.once));
    const tensors = new Set(c.ops.flatMap((op) => sketch(op).tensors));
    if (count < 2 || [...tensors].reduce((n, t) => n + bytesOf(t), 0) > MAX_BYTES) return [];
    works -= count;
    cycles -= count * c.once;
    return [{ ...c, costs: c.costs.slice(0, count) }];
  });
}

const programText = (ops: readonly TileOp[], outputs: readonly TileTensor[] = []): string =>
  printProgram({ inputs: [], outputs, steps: ops.map((op) => ({ ...op, name: '' })), checks: [] });

/** Equal for operators of equal structure: their tiles rank alike. */
const tileKey = (op: TileOp, { origins, inputs, made }: Around = ALONE): string =>
  programText([op]) +
  [...[...origins].map(([a, step]) => `${a.extent} by ${step}`), '|', ...names(inputs), '|', ...names(made)];
const names = (tensors: ReadonlySet<TileTensor>): string[] => [...tensors].map((t) => t.name);

/** Ways to try, and a key that is equal for operators of equal structure, seen alike, with the same ways. */
function triedOf({ ops, shared, ways }: Joint, count: number): { ways: readonly Way[]; key: string } {
  const tried = close(ways, count, NEAR);
  const pool = new Pool();
  const binding = new Binding(pool);
  const nests = ops.map((op) => canonicalNest(op, pool, binding).op);
  const seen = ops.flatMap((op) => (shared(owner(op.write)) ? [binding.formal(op.write)] : []));
  return { ways: tried, key: programText(nests, seen) + tried.map(wayText) };
}

const choosing =
  (ranks: Ranks): typeof chooseTile =>
  (op, device, around) =>
    rankedTiles(op, device, around)[ranks(tileKey(op, around))].tile;

/** How operators that the cheapest cover joins share kernels. */
function joints(program: TileProgram, options: ScheduleOptions, count: number): Contest[] {
  const found = new Map<string, Contest>();
  const join = (joint: Joint): Way => {
    const { ways, key } = triedOf(joint, count);
    const costs = ways.map((w) => w.cost);
    const work = (nth: number): Work => workOf(joint.graphs(ways[nth]), options);
    const { ops } = joint;
    entryOf(found, key, (): Contest => ({ key, costs, ops, work, once: costs[0], cycles: 0 })).cycles += costs[0];
    return ways[0];
  };
  schedule(program, { ...options, join });
  return [...found.values()];
}

/** How often each operator runs in a call of its kernel, in order. */
const turnsOf = (nodes: Nodes<unknown>, turns = 1): number[] =>
  nodes.flatMap((n) => {
    if (n.kind === 'op') return [turns];
    return n.kind === 'let' ? [] : turnsOf(n.body, n.kind === 'loop' ? turns * Math.ceil(n.extent / n.step) : turns);
  });

/** Tiles of operators inside their kernels. */
function tiles(program: TileProgram, options: ScheduleOptions, count: number): Contest[] {
  const { device } = options;
  const made: [Kernel, Made][] = [];
  const { lanes } = schedule(program, { ...options, made: (kernel, how) => made.push([kernel, how]) });
  const runs = runsOf(lanes.flat());
  const found = new Map<string, Contest>();
  for (const [kernel, { graph, tiled, around }] of made) {
    const calls = runs.filter((r) => r.kernel === kernel).length;
    const turns = turnsOf(graph.nodes);
    const ops = graph.members.map((m) => m.op);
    const once = planCost(ops.map(sketch), graph, device);
    for (const [i, { op }] of tiled.entries()) {
      const costs = close(rankedTiles(op, device, around), count).map((r) => r.cost);
      const key = tileKey(op, around);
      const work = (nth: number): Work =>
        workOf([graph], { ...options, choose: choosing((other) => (other === key ? nth : 0)) });
      const contest = entryOf(found, key, (): Contest => ({ key, costs, ops, work, once, cycles: 0 }));
      contest.cycles += calls * turns[i] * costs[0];
    }
  }
  return [...found.values()];
}

/** The calls of graphs' kernels in order, over tensors of their own. */
function workOf(graphs: readonly TileGraph[], options: ScheduleOptions): RunTask[] {
  const own = new Map<TileTensor, TileTensor>();
  const ownOf = (t: TileTensor): TileTensor => entryOf(own, t, () => newTensor(t.name, t.dtype, t.shape, 'temp'));
  const { tasks } = scheduleGraphs(graphs, options);
  return runsOf(tasks).map((r) => ({ ...r, args: r.args.map((t) => ownOf(owner(t))) }));
}

/** Milliseconds of a turn of each work: the fewest of interleaved rounds, as what disturbs a run only slows it. */
async function race(works: readonly Work[], machine: Machine, launch: Launch): Promise<number[]> {
  const timer = await loadTimer(machine, launch, works);
  const best = works.map(() => Number.POSITIVE_INFINITY);
  const turns = works.map(() => 1);
  const spent = works.map(() => 0);
  const run = (i: number): number => {
    const ms = timer.time(i, turns[i]);
    best[i] = Math.min(best[i], ms / turns[i]);
    spent[i] += ms;
    if (ms < LONG_MS) turns[i] *= 2;
    return ms;
  };
  // Engines compile anew what has run a while: this starts it for all.
  for (const i of works.keys()) for (let ms = 0; ms < WARM_MS; ) ms += run(i);
  for (let n = 0; n < ROUNDS; n++) {
    for (const i of works.keys()) {
      if (n >= FEWEST && spent[i] >= ENOUGH_MS) continue;
      // Each meets the same values, and caches that hold something else.
      timer.fill();
      run(i);
    }
  }
  timer.dispose();
  return best;
}
