// The welder above registers: which operators share a kernel and how it is cut into tiles. In: operators in order, what
// else uses their tensors, a device. Out: tile graphs that cover every operator once. The cover is exact: of all ways to
// part the list into runs, dynamic programming takes the cheapest by the shared cost model; no operator is named.
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Step, TileOp } from '../../3-tile/tile-op.ts';
import type { Device } from '../../devices/device.ts';
import { entryOf } from '../../support/collections.ts';
import { type Cut, cutGraph, cutPlan, isFill, type Plan, single, type TileGraph } from './graph.ts';
import { keySteps, onlineSoftmax, type Steps, stepsOf } from './online.ts';
import { planCost, type Sketch, sketch } from './plan-cost.ts';
import { effectsOf } from './region.ts';
import { finestSplit } from './split.ts';

/** Operators that one kernel may hold. */
const MAX_MEMBERS = 10;
/** Longer and longer runs that gain nothing, after which still longer ones are not looked at. */
const PATIENCE = 3;
/** How much more than the best a cut in the middle of its steps may cost for others of its steps to be looked at. */
const PROMISING = 1.2;
/** Axes that are cut, at most. */
const MAX_CUT_AXES = 4;
const STEPS = [1, 2, 4, 7, 8, 14, 16, 28, 32, 64];
const UNEVEN: ReadonlySet<number> = new Set([8, 32]);

/** Whether the operators can share loops at all: none stores what an earlier one reads, or what another stores. */
function compatible(run: readonly Sketch[]): boolean {
  const read = new Set<TileTensor>();
  const written = new Map<TileTensor, TileOp>();
  for (const { op, reads, target } of run) {
    for (const t of reads.keys()) read.add(t);
    const before = written.get(target);
    if (read.has(target) || (before && (!isFill(before) || isFill(op)))) return false;
    written.set(target, op);
  }
  return true;
}

/** Steps along an axis: those that divide it, and some that do not. */
const steps = (extent: number): number[] => STEPS.filter((n) => n < extent && (extent % n === 0 || UNEVEN.has(n)));

/** Cuts of the last operator, by rising step: along one axis, alone or inside outer ones that are taken one by one. */
function* cuts(root: TileOp): Generator<readonly Cut[]> {
  const axes = root.axes.flatMap((a, i) => (a.extent > 1 ? [i] : [])).slice(0, MAX_CUT_AXES);
  for (const inner of axes) {
    const outer = axes.filter((a) => a < inner);
    for (const list of [[], ...outer.map((a) => [a]), ...(outer.length > 1 ? [outer] : [])]) {
      const around = list.map((a): [number, number] => [a, 1]);
      yield steps(root.axes[inner].extent).map((step) => new Map([...around, [inner, step]]));
    }
  }
}

type Shared = (t: TileTensor) => boolean;
/** A cut, and the step of the keys where a softmax streams over them. */
type Found = Readonly<{ cut: Cut; cost: number; keys: number | null }>;
/** Estimated cycles of operators under a plan. */
export type Estimate = typeof planCost;

const byCost = (a: { cost: number }, b: { cost: number }): number => a.cost - b.cost;

/** Cuts of these operators, the cheapest first; none when they cannot be cut together. */
function bestCuts(run: readonly Sketch[], shared: Shared, device: Device, estimate: Estimate, steps: Steps): Found[] {
  const ops = run.map((s) => s.op);
  const all = cutsOf(run, (cut) => cutPlan(ops, shared, cut), device, estimate);
  for (const keys of stepsOf(ops, steps)) {
    const stream = onlineSoftmax(ops, shared, keys);
    if (!stream) continue;
    const plan = (cut: Cut): Plan | null => cutPlan(stream.ops, shared, cut, stream);
    const found = cutsOf(stream.ops.map(sketch), plan, device, estimate);
    all.push(...found.map((f) => ({ ...f, keys })));
  }
  return all.sort(byCost);
}

/** What was looked at of the cuts of the last operator, the cheapest first. */
function cutsOf(run: readonly Sketch[], plans: (cut: Cut) => Plan | null, device: Device, estimate: Estimate): Found[] {
  const costOf = (cut: Cut): number => {
    const plan = plans(cut);
    return plan ? estimate(run, plan, device) : Number.POSITIVE_INFINITY;
  };
  const valleys = [...cuts(run[run.length - 1].op)].map((alike) => {
    const known = new Map<number, number>();
    const at = (i: number): number => entryOf(known, i, () => costOf(alike[i]));
    const ends = [(alike.length * 5) >> 3, alike.length - 1];
    return { alike, known, at, ends, first: Math.min(...ends.map(at)) };
  });
  const least = Math.min(...valleys.map((v) => v.first));
  const all: Found[] = [];
  for (const { alike, known, at, ends, first } of valleys) {
    if (first > PROMISING * least) continue;
    // Costs along the steps have one valley, or another where steps fill no vector: from about the middle, then the end.
    let i = ends[0];
    for (let next: number | undefined = i; next !== undefined; ) {
      i = next;
      next = [i - 1, i + 1, ends[1]].find((j) => j >= 0 && j < alike.length && at(j) < at(i));
    }
    for (const j of known.keys()) all.push({ cut: alike[j], cost: at(j), keys: null });
  }
  return all.filter((f) => f.cost < Number.POSITIVE_INFINITY).sort(byCost);
}

/** Equal for runs that are cut alike. */
function runKey(run: readonly Sketch[], shared: Shared): string {
  const numbers = new Map<TileTensor, number>();
  const number = (t: TileTensor): string => `${entryOf(numbers, t, () => numbers.size)}${shared(t) ? 's' : ''}`;
  return run.map((s) => `${s.key}@${s.tensors.map(number)}`).join('\n');
}

/** Who uses the bytes of a tensor: steps, or the world outside the program. */
export type Users = ReadonlyMap<TileTensor, ReadonlySet<Step | null>>;

/** Operators in order up to somewhere, the last of them as one piece. */
type Reached = { readonly cost: number; readonly before: Reached | null; readonly piece: Piece };

/** Operators that a kernel joins as was found, or one alone. */
type Piece = Readonly<{ run: readonly Sketch[]; found: Found | null }>;
const NOTHING: Piece = { run: [], found: null };
/** A cover of operators, in order, and estimated cycles. */
export type Way = Readonly<{ cost: number; pieces: readonly Piece[] }>;

/** Operators that the cheapest cover joins, and ways to cover just these, the cheapest of all first. */
export interface Joint {
  readonly ops: readonly TileOp[];
  /** What others see. */
  readonly shared: Shared;
  readonly ways: readonly Way[];
  graphs(way: Way): TileGraph[];
}
/** What picks one of the ways. */
export type ChooseWay = (joint: Joint) => Way;

/** Covers of operators by graphs. */
export class Welder {
  private readonly users: Map<TileTensor, ReadonlySet<Step | null>>;
  private readonly halves = new Map<Step | null, readonly TileOp[]>();
  private readonly device: Device;
  private readonly estimate: Estimate;
  private readonly steps: Steps;
  private readonly known = new Map<string, readonly Found[]>();
  private readonly alone = (s: Sketch): number => this.estimate([s], single(s.op), this.device);

  constructor(users: Users, device: Device, estimate: Estimate = planCost, steps: Steps = keySteps) {
    this.users = new Map(users);
    this.device = device;
    this.estimate = estimate;
    this.steps = steps;
  }

  /** The cheapest cover; what that joins is covered as `choose` says. */
  cover(ops: readonly TileOp[], choose?: ChooseWay): TileGraph[] {
    return this.cheapest(ops.map(sketch), true).pieces.flatMap((piece) => {
      return choose && piece.found ? this.chosen(piece.run, choose) : [this.graph(piece)];
    });
  }

  private chosen(run: readonly Sketch[], choose: ChooseWay): TileGraph[] {
    const ops = run.map((s) => s.op);
    const graphs = (way: Way): TileGraph[] => way.pieces.map((p) => this.graph(p));
    return graphs(choose({ ops, shared: this.sharedBy(ops), ways: this.ways(run), graphs }));
  }

  /** Cuts of all operators together, and covers that part them; the cheapest along each choice of axes come first. */
  private ways(run: readonly Sketch[]): Way[] {
    const whole = this.found(run).map((found): Way => ({ cost: found.cost, pieces: [{ run, found }] }));
    const parted = run.slice(1).map((_, i): Way => {
      const [a, b] = [run.slice(0, i + 1), run.slice(i + 1)].map((part) => this.cheapest(part));
      return { cost: a.cost + b.cost, pieces: [...a.pieces, ...b.pieces] };
    });
    const pieces = run.map((s): Piece => ({ run: [s], found: null }));
    const apart = { cost: run.reduce((n, s) => n + this.alone(s), 0), pieces };
    const kindOf = (w: Way): string => String(w.pieces.map((p) => [p.run.length, ...(p.found?.cut.keys() ?? []), ';']));
    const others = new Map([...parted, apart].map((way) => [kindOf(way), way]));
    const all = [...whole, ...others.values()].sort(byCost);
    const firsts = new Map(all.toReversed().map((way) => [kindOf(way), way]));
    return [...new Set([whole[0], ...[...firsts.values()].sort(byCost), ...all])];
  }

  /** `splits`: reductions may be folded in parts, which end a run and begin the next. */
  private cheapest(all: readonly Sketch[], splits = false): Way {
    const done: Reached[] = [{ cost: 0, before: null, piece: NOTHING }];
    /** What else is reached: the operators so far and the parts of the next, which a run then begins with merging. */
    const parted = new Map<number, readonly [Reached, merged: Sketch]>();
    const reach = (end: number, tail: readonly Sketch[]): Reached => {
      let [least, lost]: [Reached, number] = [{ cost: Number.POSITIVE_INFINITY, before: null, piece: NOTHING }, 0];
      for (let from = end - 1 + tail.length; from >= 0 && end + tail.length - from <= MAX_MEMBERS; from--) {
        const whole = [...all.slice(from, end), ...tail];
        if (!compatible(whole)) break;
        lost++;
        const [half, merged] = parted.get(from) ?? [];
        for (const before of half ? [done[from], half] : [done[from]]) {
          const run = before === half ? whole.with(0, merged!) : whole;
          const [found = null] = run.length > 1 ? this.found(run) : [];
          const own = run.length > 1 ? (found?.cost ?? Number.POSITIVE_INFINITY) : this.alone(run[0]);
          const cost = before.cost + own;
          if (cost < least.cost) [least, lost] = [{ cost, before, piece: { run, found } }, 0];
        }
        if (lost > PATIENCE) break;
      }
      return least;
    };
    for (const [i, { op }] of all.entries()) {
      const recent = all.slice(Math.max(0, i + 1 - MAX_MEMBERS), i).map((s) => s.op);
      const { parts, merged } = (splits && finestSplit(op, recent)) || {};
      if (parts && merged) {
        this.halves.set(op, [...parts, merged]);
        for (const { write } of parts) this.users.set(write, new Set([...parts, merged]));
        parted.set(i, [reach(i, parts.map(sketch)), sketch(merged)]);
      }
      done.push(reach(i + 1, []));
    }
    const pieces: Piece[] = [];
    for (let at = done[all.length]; at.before; at = at.before) pieces.unshift(at.piece);
    return { cost: done[all.length].cost, pieces };
  }

  private graph({ run, found }: Piece): TileGraph {
    const ops = run.map((s) => s.op);
    if (!found) return single(ops[0], this.innerOf(ops[0]));
    const shared = this.sharedBy(ops);
    const stream = found.keys === null ? null : onlineSoftmax(ops, shared, found.keys);
    return cutGraph(ops, shared, found.cut, stream);
  }

  /** The operator that stores the inside of what a fill is for, before anything else uses it. */
  private innerOf(fill: TileOp): TileOp | undefined {
    const target = owner(fill.write);
    const users = [...this.users.get(target)!].filter((s) => s !== null);
    const next = users[users.indexOf(fill) + 1];
    const alone = next?.kind === 'op' && owner(next.write) === target && !effectsOf(next).reads.has(target);
    return alone ? next : undefined;
  }

  /** Estimated cycles of two neighbours as one kernel (null: not legal) and apart. */
  costs(first: TileGraph, second: TileGraph): { together: number | null; apart: number } {
    const sketches = (g: TileGraph): Sketch[] => g.members.map((m) => sketch(m.op));
    const cost = (g: TileGraph): number => this.estimate(sketches(g), g, this.device);
    const run = [...first.ops, ...second.ops].map(sketch);
    const [found] = compatible(run) ? this.found(run) : [];
    return { together: found?.cost ?? null, apart: cost(first) + cost(second) };
  }

  private sharedBy(run: readonly TileOp[]): Shared {
    const inside = new Set<Step | null>(run);
    const uses = (op: TileOp, t: TileTensor): boolean => owner(op.write) === t || effectsOf(op).reads.has(t);
    const within = (u: Step | null, t: TileTensor): boolean =>
      inside.has(u) || (this.halves.get(u)?.every((h) => inside.has(h) || !uses(h, t)) ?? false);
    return (t) => [...(this.users.get(t) ?? [])].some((u) => !within(u, t));
  }

  private found(run: readonly Sketch[]): readonly Found[] {
    const shared = this.sharedBy(run.map((s) => s.op));
    const key = runKey(run, shared);
    return entryOf(this.known, key, () => bestCuts(run, shared, this.device, this.estimate, this.steps));
  }
}
