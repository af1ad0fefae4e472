// The welder above registers: which operators share a kernel and how it is cut into tiles. In: operators in order, what
// else uses their tensors, a device. Out: tile graphs that cover every operator once. The cover is exact: of all ways to
// part the list into runs, dynamic programming takes the cheapest by the shared cost model; no operator is named.
import { axisExpr, type Expr } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Step, TileOp } from '../../3-tile/tile-op.ts';
import { type Device, lanesOf } from '../../devices/device.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { elementCount } from '../../ir/tensor.ts';
import { trafficCycles } from '../cost.ts';
import { type Linear, linearise } from '../linear.ts';
import { workOf } from './fuse.ts';
import { type Cut, cutGraph, cutPlan, isFill, type Plan, single, type TileGraph } from './graph.ts';
import { accessesOf, baseIndices, propagate, type Spans } from './propagate.ts';
import { loadsBelow } from './region.ts';

/** Operators that one kernel may hold. */
const MAX_MEMBERS = 10;
/** Uses of an element between a load and the next, as register tiles of matrix products have. */
const REGISTER_REUSE = 16;
/** Cycles to enter the loops of one operator. */
const ENTRY = 40;
/** How much of the shorter of computing and moving is not hidden behind the other. */
const EXPOSED = 0.2;
/** Axes that are cut, at most. */
const MAX_CUT_AXES = 4;
const STEPS = [1, 2, 4, 7, 8, 14, 16, 28, 32, 56, 64, 128];
const UNEVEN: ReadonlySet<number> = new Set([8, 32]);

const bytesOf = (t: TileTensor): number => elementCount(t.shape) * dtypeInfo(t.dtype).bytes;
const product = (xs: Iterable<number>): number => [...xs].reduce((p, n) => p * n, 1);

/** What of an operator the cost depends on, gathered once. */
interface Sketch {
  readonly op: TileOp;
  readonly reads: readonly TileTensor[];
  readonly target: TileTensor;
  readonly work: number;
  readonly folds: number;
  /** Equal for operators of equal loops and accesses; tensors are numbered by `tensors`. */
  readonly key: string;
  readonly tensors: readonly TileTensor[];
}

const formKey = ({ constant, terms }: Linear, axes: ReadonlyMap<Expr, number>): string =>
  `${constant}${[...terms].map(([t, c]) => `,${axes.get(t) ?? t.id}:${c}`).join('')}`;

export function sketch(op: TileOp): Sketch {
  const accesses = accessesOf(op);
  const reduce = op.reduce?.axes ?? [];
  const axes = new Map([...op.axes, ...reduce].map((a, i) => [axisExpr(a), i]));
  const forms = (at: readonly Linear[] | null): string => at?.map((l) => formKey(l, axes)).join(' ') ?? '?';
  const target = owner(op.write);
  const work = elementWork(op);
  const folds = product(reduce.map((a) => a.extent));
  const store = baseIndices(op.write, op.at)?.map((e) => linearise(e)) ?? null;
  const tensors = [target, ...accesses.map((a) => a.target)];
  const parts = [
    op.axes.map((a) => a.extent).join(),
    folds,
    work,
    workOf(op.value),
    isFill(op),
    forms(store),
    ...accesses.map((a) => forms(a.at)),
    ...tensors.map((t) => `${t.dtype}${t.shape}`),
  ];
  const reads = [...new Set(accesses.map((a) => a.target))];
  return { op, reads, target, work: work * folds + workOf(op.value), folds, key: parts.join('|'), tensors };
}

/** Operations per reduced element; loads go beside them, and a product that is summed is one with the sum. */
function elementWork(op: TileOp): number {
  if (!op.reduce) return 0;
  const { elems, monoid } = op.reduce;
  const loads = loadsBelow(elems).length;
  const work = elems.reduce((n, e: Expr) => n + workOf(e), 0) - loads;
  return Math.max(1, work + (elems[0].op === 'mul' ? 0 : monoid.combine.length));
}

/** The share of a vector's lanes that have work: along what is stored side by side, or along the reduction. */
function fill({ op, folds }: Sketch, spans: Spans, lanes: number): number {
  const last = op.at[op.at.length - 1];
  const stored = last && linearise(last);
  const inner = [...(stored?.terms ?? [])].flatMap(([t, c]) =>
    t.op === 'axis' && c === 1 ? (spans.get(t.arg)?.size ?? 1) : 1,
  );
  const along = Math.max(1, ...inner, folds);
  return along >= lanes ? along / (Math.ceil(along / lanes) * lanes) : along >= 4 ? 4 / lanes : 1 / lanes;
}

/** Estimated cycles of a graph: computing with what is done twice, and moving bytes at the level they are found in. */
export function planCost(run: readonly Sketch[], plan: Plan, device: Device): number {
  const lanes = lanesOf(device, 'f32');
  const rate = lanes * device.arithmeticPorts;
  let computing = 0;
  let moving = 0;
  const part = new Map<TileTensor, number>();
  /** Bytes that all accesses to a tensor move, over all tiles, and once over all tiles. */
  const traffic = new Map<TileTensor, { all: number; once: number }>();
  const note = (t: TileTensor, elements: number, tiles: number): void => {
    const bytes = elements * dtypeInfo(t.dtype).bytes;
    part.set(t, Math.max(part.get(t) ?? 0, bytes));
    const { all = 0, once = 0 } = traffic.get(t) ?? {};
    traffic.set(t, { all: all + tiles * bytes, once: Math.max(once, tiles * bytes) });
  };
  for (const [i, { op, spans, tiles }] of plan.members.entries()) {
    const points = product([...spans.values()].map((s) => s.size));
    computing += tiles * ((points * run[i].work) / (rate * fill(run[i], spans, lanes)) + ENTRY);
    for (const t of run[i].reads) {
      const elements = product(propagate(op, spans, t).map((s) => s.size));
      note(t, elements, tiles);
      // Registers keep an element for some uses; for the others it is fetched again while the tile is worked on.
      const bytes = elements * dtypeInfo(t.dtype).bytes;
      const passes = (points * run[i].folds) / (elements * REGISTER_REUSE);
      if (passes > 1) moving += trafficCycles(tiles * bytes * (passes - 1), bytes, device);
    }
    note(run[i].target, points, tiles);
  }
  const near = [...part.values()].reduce((n, b) => n + b, 0);
  for (const [t, { all, once }] of traffic) {
    const far = plan.scratch.has(t) ? 0 : Math.min(once, bytesOf(t));
    moving += trafficCycles(far, 2 * bytesOf(t), device) + trafficCycles(all - far, near, device);
  }
  const longer = Math.max(computing, moving);
  return longer + EXPOSED * (computing + moving - longer) + device.launch * device.clock;
}

/** Whether the operators can share loops at all: none stores what an earlier one reads, or what another stores. */
function compatible(run: readonly Sketch[]): boolean {
  const read = new Set<TileTensor>();
  const written = new Map<TileTensor, TileOp>();
  for (const { op, reads, target } of run) {
    for (const t of reads) read.add(t);
    const before = written.get(target);
    if (read.has(target) || (before && !isFill(before))) return false;
    written.set(target, op);
  }
  return true;
}

/** Steps along an axis: those that divide it, and some that do not. */
const steps = (extent: number): number[] => STEPS.filter((n) => n < extent && (extent % n === 0 || UNEVEN.has(n)));

/** Cuts of the last operator: along one axis, alone or inside another one, or all outer ones, taken one by one. */
export function* cuts(root: TileOp): Generator<Cut> {
  const axes = root.axes.flatMap((a, i) => (a.extent > 1 ? [i] : [])).slice(0, MAX_CUT_AXES);
  for (const inner of axes) {
    const outer = axes.filter((a) => a < inner);
    const around = [[], ...axes.filter((a) => a !== inner).map((a) => [a]), ...(outer.length > 1 ? [outer] : [])];
    for (const step of steps(root.axes[inner].extent)) {
      for (const list of around) yield new Map([...list.map((a): [number, number] => [a, 1]), [inner, step]]);
    }
  }
}

type Shared = (t: TileTensor) => boolean;
type Found = Readonly<{ cut: Cut; cost: number }>;

/** The cheapest cut of these operators; null when they cannot be cut together. */
function bestCut(run: readonly Sketch[], shared: Shared, device: Device): Found | null {
  let best: Found | null = null;
  const ops = run.map((s) => s.op);
  for (const cut of cuts(ops[ops.length - 1])) {
    const plan = cutPlan(ops, shared, cut);
    if (!plan) continue;
    const cost = planCost(run, plan, device);
    if (!best || cost < best.cost) best = { cut, cost };
  }
  return best;
}

/** Equal for runs that are cut alike. */
function runKey(run: readonly Sketch[], shared: Shared): string {
  const numbers = new Map<TileTensor, number>();
  const number = (t: TileTensor): string => {
    if (!numbers.has(t)) numbers.set(t, numbers.size);
    return `${numbers.get(t)}${shared(t) ? 's' : ''}`;
  };
  return run.map((s) => `${s.key}@${s.tensors.map(number)}`).join('\n');
}

/** Who uses the bytes of a tensor: steps, or the world outside the program. */
export type Users = ReadonlyMap<TileTensor, ReadonlySet<Step | null>>;

/** A cover of the operators by graphs. */
export class Welder {
  private readonly users: Users;
  private readonly device: Device;
  private readonly known = new Map<string, Found | null>();

  constructor(users: Users, device: Device) {
    this.users = users;
    this.device = device;
  }

  cover(ops: readonly TileOp[]): TileGraph[] {
    const all = ops.map(sketch);
    const best: { cost: number; from: number; cut: Cut | null }[] = [{ cost: 0, from: 0, cut: null }];
    for (let end = 1; end <= all.length; end++) {
      const alone = planCost(all.slice(end - 1, end), single(ops[end - 1]), this.device);
      let found: (typeof best)[0] = { cost: best[end - 1].cost + alone, from: end - 1, cut: null };
      for (let from = end - 2; from >= 0 && end - from <= MAX_MEMBERS; from--) {
        const run = all.slice(from, end);
        if (!compatible(run)) break;
        const made = this.found(run);
        const cost = best[from].cost + (made?.cost ?? Number.POSITIVE_INFINITY);
        if (cost < found.cost) found = { cost, from, cut: made!.cut };
      }
      best.push(found);
    }
    const graphs: TileGraph[] = [];
    for (let end = ops.length; end > 0; end = best[end].from) {
      const { from, cut } = best[end];
      const run = ops.slice(from, end);
      graphs.unshift(cut ? cutGraph(run, this.sharedBy(run), cut) : single(run[0]));
    }
    return graphs;
  }

  private sharedBy(run: readonly TileOp[]): Shared {
    const inside = new Set<Step | null>(run);
    return (t) => [...this.users.get(t)!].some((u) => !inside.has(u));
  }

  private found(run: readonly Sketch[]): Found | null {
    const shared = this.sharedBy(run.map((s) => s.op));
    const key = runKey(run, shared);
    let found = this.known.get(key);
    if (found === undefined) this.known.set(key, (found = bestCut(run, shared, this.device)));
    return found;
  }
}
