// Who reads and writes what in a list of steps. In: the steps of a program or of a loop or branch
// body. Out: readers and writers per owner of bytes, and whether work may move past other steps.

import { axisExpr, type Expr, isLoad } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { stmtExprs, walkStmts } from '../../3-tile/task.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Step, TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';

export interface Effects {
  readonly reads: ReadonlySet<TileTensor>;
  readonly writes: ReadonlySet<TileTensor>;
}

/** The expressions of an operator that are evaluated once per point, and per reduced element. */
export const pointRoots = (op: TileOp): Expr[] => [op.value, ...op.at];
export const elemRoots = (op: TileOp): readonly Expr[] => op.reduce?.elems ?? [];

/** Loads below the roots. */
export function loadsBelow(roots: readonly Expr[]): Expr[] {
  return walkExpr(...roots).filter(isLoad);
}

function opEffects(op: TileOp): Effects {
  const reads = new Set<TileTensor>();
  for (const e of walkExpr(...elemRoots(op), ...pointRoots(op))) if (isLoad(e)) reads.add(owner(e.arg));
  return { reads, writes: new Set([owner(op.write)]) };
}

/** Owners that a step reads and writes, nested steps included. */
export function effectsOf(step: Step): Effects {
  if (step.kind === 'op') return opEffects(step);
  const reads = new Set<TileTensor>();
  const writes = new Set<TileTensor>();
  const stack: Step[] = [step];
  for (let s = stack.pop(); s; s = stack.pop()) {
    if (s.kind === 'op') {
      const e = opEffects(s);
      for (const t of e.reads) reads.add(t);
      for (const t of e.writes) writes.add(t);
    } else if (s.kind === 'routine') {
      for (const t of [...s.reads, ...s.writes]) reads.add(owner(t));
      for (const t of s.writes) writes.add(owner(t));
      walkStmts(s.body, (stmt) => {
        for (const e of loadsBelow(stmtExprs(stmt))) if (isLoad(e)) reads.add(owner(e.arg));
      });
    } else if (s.kind === 'branch') {
      reads.add(owner(s.cond));
      stack.push(...s.then, ...s.else);
    } else {
      if (s.trip) reads.add(owner(s.trip));
      writes.add(owner(s.counter));
      for (const c of [...s.carried, ...(s.cond ? [s.cond] : [])]) {
        reads.add(owner(c.init)).add(owner(c.next)).add(owner(c.state));
        writes.add(owner(c.state));
      }
      stack.push(...s.steps);
    }
  }
  return { reads, writes };
}

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
    this.effects.forEach((e, i) => {
      this.register(e!, i);
    });
  }

  private register(e: Effects, i: number): void {
    const add = (map: Map<TileTensor, Set<number>>, t: TileTensor): void => {
      const set = map.get(t);
      if (set) set.add(i);
      else map.set(t, new Set([i]));
    };
    for (const t of e.reads) add(this.readers, t);
    for (const t of e.writes) add(this.writers, t);
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
