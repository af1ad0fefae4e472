// Who reads and writes what in a list of steps. In: the steps of a program or of a loop or branch
// body. Out: readers and writers per owner of bytes, and whether work may move past other steps.
import { axisExpr, type Expr, isLoad } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { loads } from '../../3-tile/statements.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Step, TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';
import { entryOf } from '../../support/collections.ts';

export type Effects = Readonly<{ reads: ReadonlySet<TileTensor>; writes: ReadonlySet<TileTensor> }>;

/** The expressions of an operator that are evaluated once per point, and per reduced element. */
export const pointRoots = (op: TileOp): Expr[] => [op.value, ...op.at];
export const elemRoots = (op: TileOp): readonly Expr[] => op.reduce?.elems ?? [];

/** Loads below the roots. */
export const loadsBelow = (roots: readonly Expr[]) => walkExpr(...roots).filter(isLoad);
export const loadsOf = (op: TileOp) => loadsBelow([...elemRoots(op), ...pointRoots(op)]);

/** The steps and those inside of loops and branches, outer first. */
export function* walkSteps(steps: Iterable<Step>): Generator<Step> {
  for (const s of steps) {
    yield s;
    if (s.kind === 'loop') yield* walkSteps(s.steps);
    if (s.kind === 'branch') yield* walkSteps([...s.then, ...s.else]);
  }
}

/** The steps with others in place of operators, also of those inside of loops and branches. */
export function mapOps(steps: readonly Step[], over: (op: TileOp) => readonly Step[]): readonly Step[] {
  const inside = (list: readonly Step[]): readonly Step[] => mapOps(list, over);
  return steps.flatMap((s): readonly Step[] => {
    if (s.kind === 'op') return over(s);
    if (s.kind === 'loop') return [{ ...s, steps: inside(s.steps) }];
    return [s.kind === 'branch' ? { ...s, then: inside(s.then), else: inside(s.else) } : s];
  });
}

/** What a step reads and writes itself, without the steps inside it. */
function own(s: Step): { reads: readonly TileTensor[]; writes: readonly TileTensor[] } {
  if (s.kind === 'op') return { reads: loadsOf(s).map((e) => e.arg), writes: [s.write] };
  if (s.kind === 'branch') return { reads: [s.cond], writes: [] };
  if (s.kind === 'routine') return { reads: [...s.reads, ...s.writes, ...loads(s.body)], writes: s.writes };
  const carried = [...s.carried, ...(s.cond ? [s.cond] : [])];
  const reads = carried.flatMap((c) => [c.init, c.next, c.state]);
  return { reads: s.trip ? [s.trip, ...reads] : reads, writes: [s.counter, ...carried.map((c) => c.state)] };
}

const effects = (steps: Iterable<Step>): Effects => {
  const all = [...steps].map(own);
  const owners = (lists: readonly (readonly TileTensor[])[]): Set<TileTensor> => new Set(lists.flat().map(owner));
  return { reads: owners(all.map((e) => e.reads)), writes: owners(all.map((e) => e.writes)) };
};

/** Owners that a step reads and writes, nested steps included. */
export const effectsOf = (step: Step): Effects => effects(walkSteps([step]));
/** The same without the steps inside it. */
export const ownEffects = (step: Step): Effects => effects([step]);

/** Whether the operator stores every element of its tensor once, at its axes in order. */
export function writesWhole(op: TileOp): boolean {
  const { shape } = op.write;
  if (op.at.length !== shape.length || elementCount(shape) === 0) return false;
  const axes = op.axes.filter((a) => a.extent !== 1);
  let next = 0;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    const axis = axes[next++];
    if (!axis || op.at[d] !== axisExpr(axis) || axis.extent !== shape[d]) return false;
  }
  return next === axes.length;
}

/** A mutable list of steps with its readers and writers. */
export class Region {
  /** Removed steps are null; positions stay. */
  readonly steps: (Step | null)[];
  private readonly effects: (Effects | null)[];
  private readonly readers = new Map<TileTensor, Set<number>>();
  private readonly writers = new Map<TileTensor, Set<number>>();
  /** Owners that something outside these steps uses. */
  private readonly pinned: ReadonlySet<TileTensor>;

  constructor(steps: readonly Step[], pinned: ReadonlySet<TileTensor>) {
    this.steps = [...steps];
    this.effects = steps.map(effectsOf);
    this.pinned = pinned;
    for (const [i, e] of this.effects.entries()) this.register(e!, i);
  }

  private register(e: Effects, i: number): void {
    for (const t of e.reads) entryOf(this.readers, t, () => new Set()).add(i);
    for (const t of e.writes) entryOf(this.writers, t, () => new Set()).add(i);
  }

  private forget(i: number): void {
    const e = this.effects[i]!;
    for (const t of e.reads) this.readers.get(t)!.delete(i);
    for (const t of e.writes) this.writers.get(t)!.delete(i);
  }

  remove(i: number): void {
    this.forget(i);
    this.steps[i] = null;
    this.effects[i] = null;
  }

  replace(i: number, step: Step): void {
    this.forget(i);
    this.steps[i] = step;
    this.effects[i] = effectsOf(step);
    this.register(this.effects[i]!, i);
  }

  readsOf(i: number): ReadonlySet<TileTensor> {
    return this.effects[i]!.reads;
  }

  /** Positions of the steps that read the result of step `i`, or null where others may see it. */
  consumers(i: number, write: TileTensor): number[] | null {
    const o = owner(write);
    if (this.pinned.has(o) || o.data || this.writers.get(o)!.size !== 1) return null;
    const all = [...(this.readers.get(o) ?? [])].sort((a, b) => a - b);
    return all.every((k) => k > i) ? all : null;
  }

  /** Whether step `i` gives the same when its work is done as part of the later step `j`. */
  movable(i: number, j: number): boolean {
    const writes = this.effects[j]!.writes;
    for (const t of this.effects[i]!.reads) {
      if (writes.has(t)) return false;
      for (const w of this.writers.get(t) ?? []) if (w > i && w < j) return false;
    }
    return true;
  }
}
