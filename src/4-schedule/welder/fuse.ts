// The welder at register level: which operators compute inside others. In: steps. Out: fewer steps
// of the same meaning. Decided by bytes and recomputation, never by what an operator is called: a
// producer is inlined where that costs no more than storing and loading its tensor, and a reduction
// takes an element-wise reader of its own points as its stored value.

import { type Expr, isConst, isLoad, type Op } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Step, TileOp, TileProgram } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';
import { coefficient, linearise } from '../linear.ts';
import { flatIndex } from '../nest.ts';
import { folded, withScalars } from './fold.ts';
import { appendTo, inlineInto } from './inline.ts';
import { materialiseBorders } from './pad.ts';
import { effectsOf, elemRoots, loadsBelow, pointRoots, Region, writesWhole } from './region.ts';

/** Scalar instructions of an operation, roughly; others take one. */
const WEIGHTS: Partial<Record<Op, number>> = {
  const: 0,
  axis: 0,
  acc: 0,
  load: 1,
  guarded: 3,
  div: 4,
  sqrt: 4,
  rem: 6,
  exp: 16,
  exp2: 16,
  expm1: 20,
  log: 20,
  log2: 20,
  log1p: 20,
  sin: 24,
  cos: 24,
  tan: 30,
  asin: 24,
  acos: 24,
  atan: 20,
  sinh: 24,
  cosh: 24,
  tanh: 18,
  asinh: 30,
  acosh: 30,
  atanh: 30,
  erf: 18,
  pow: 40,
  atan2: 30,
  round: 4,
};
/** What storing an element and bringing it back costs, in the same unit. */
const STORE = 3;
/** Bounds on what one operator may become. */
const MAX_NODES = 600;
const MAX_TENSORS = 16;

/** Work per evaluation: the nodes of the value, not those of indices. */
export function workOf(root: Expr): number {
  let work = 0;
  const seen = new Set<Expr>();
  const stack = [root];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (seen.has(e)) continue;
    seen.add(e);
    work += e.op === 'pow' && isConst(e.src[1]) ? 3 : (WEIGHTS[e.op] ?? 1);
    if (e.op === 'guarded') stack.push(e.src[e.src.length - 1]);
    else if (e.op !== 'load') stack.push(...e.src);
  }
  return work;
}

const points = (op: TileOp): number => op.axes.reduce((n, a) => n * a.extent, 1);

/** How often the operator evaluates its loads of this owner. */
function evaluations(op: TileOp, target: TileTensor): number {
  const sites = (roots: readonly Expr[]): number =>
    loadsBelow(roots).filter((e) => isLoad(e) && owner(e.arg) === target).length;
  const folds = (op.reduce?.axes ?? []).reduce((n, a) => n * a.extent, 1);
  return points(op) * (sites(pointRoots(op)) + folds * sites(elemRoots(op)));
}

/** The axes along which a flat index steps by one element. */
function unitAxes(flat: Expr, op: TileOp): string {
  const l = linearise(flat);
  const axes = [...op.axes, ...(op.reduce?.axes ?? [])];
  return axes.map((a, i) => (a.extent > 1 && coefficient(l, a) === 1 ? `${i} ` : '')).join('');
}

/** The flat index of a load. */
function flatLoad(e: Expr): Expr {
  const rank = e.op === 'load' ? e.src.length : e.src.length - 2;
  return flatIndex(e.arg as TileTensor, e.src.slice(0, rank));
}

/** Whether elements that a reduction read next to each other still are. */
function keepsContiguity(before: TileOp, after: TileOp, target: TileTensor): boolean {
  const was = loadsBelow(elemRoots(before)).filter((e) => isLoad(e) && owner(e.arg) === target);
  const had = new Set(was.map((e) => unitAxes(flatLoad(e), before)));
  const old = new Set(loadsBelow(elemRoots(before)));
  return loadsBelow(elemRoots(after)).every((e) => old.has(e) || had.has(unitAxes(flatLoad(e), after)));
}

function small(op: TileOp): boolean {
  const loads = loadsBelow([...elemRoots(op), ...pointRoots(op)]);
  const tensors = new Set(loads.map((e) => (isLoad(e) ? owner(e.arg) : null)));
  return tensors.size <= MAX_TENSORS && workOf(op.value) <= MAX_NODES;
}

/** The consumers with the producer inlined, or null where storing its tensor is cheaper. */
function inlined(region: Region, i: number, producer: TileOp): Map<number, TileOp> | null {
  const at = region.consumers(i, producer.write);
  if (!at || at.length === 0 || producer.reduce || !writesWhole(producer)) return null;
  const target = owner(producer.write);
  const elements = elementCount(producer.write.shape);
  const work = workOf(producer.value);
  const result = new Map<number, TileOp>();
  let total = 0;
  for (const j of at) {
    const consumer = region.steps[j]!;
    if (consumer.kind !== 'op' || !region.movable(i, j)) return null;
    const count = evaluations(consumer, target);
    total += count;
    const joined = inlineInto(consumer, producer);
    if (!joined || !small(joined)) return null;
    const reused = consumer.reduce !== null && count > elements;
    if (reused && !keepsContiguity(consumer, joined, target)) return null;
    result.set(j, joined);
  }
  return total * work <= elements * (work + STORE) + total ? result : null;
}

/** The reduction with its only reader as stored value, at the reader's position. */
function appended(region: Region, i: number, reduction: TileOp): [number, TileOp] | null {
  const at = region.consumers(i, reduction.write);
  if (at?.length !== 1 || !reduction.reduce || !writesWhole(reduction)) return null;
  const [j] = at;
  const reader = region.steps[j]!;
  if (reader.kind !== 'op' || reader.reduce || !region.movable(i, j)) return null;
  const joined = appendTo(reduction, reader);
  const along = (op: TileOp): string => unitAxes(flatIndex(op.write, op.at), op);
  return joined && small(joined) && along(joined) === along(reduction) ? [j, joined] : null;
}

function fuseList(steps: readonly Step[], pinned: ReadonlySet<TileTensor>): Step[] {
  const simple = steps.map((s) => (s.kind === 'op' ? withScalars(s) : s));
  const region = new Region(simple, pinned);
  for (let i = 0; i < region.steps.length; i++) {
    const step = region.steps[i];
    if (step?.kind !== 'op') continue;
    if (region.consumers(i, step.write)?.length === 0) {
      region.remove(i);
      continue;
    }
    const into = folded(region, i, step) ?? inlined(region, i, step);
    if (into) {
      for (const [j, op] of into) region.replace(j, op);
      region.remove(i);
      continue;
    }
    const tail = appended(region, i, step);
    if (!tail) continue;
    region.replace(tail[0], tail[1]);
    region.remove(i);
  }
  return region.steps.filter((s): s is Step => s !== null);
}

/** Every owner that a step uses. */
function usedBy(step: Step): ReadonlySet<TileTensor> {
  const { reads, writes } = effectsOf(step);
  return union(reads, writes);
}

/** Owners that more than one of the steps uses. */
function sharedBetween(steps: readonly Step[]): Set<TileTensor> {
  const seen = new Set<TileTensor>();
  const shared = new Set<TileTensor>();
  for (const s of steps) {
    for (const t of usedBy(s)) {
      if (seen.has(t)) shared.add(t);
      seen.add(t);
    }
  }
  return shared;
}

const union = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> => new Set([...a, ...b]);

/** Other steps for joined ones: algebra on operators that have all of their work inside. */
export type Alternatives = (steps: readonly Step[]) => readonly Step[];

/** Fuses a list and the lists inside its loops and branches. */
function fuseNested(steps: readonly Step[], pinned: ReadonlySet<TileTensor>, rewrite: Alternatives): readonly Step[] {
  const joined = rewrite(fuseList(steps, pinned));
  const bordered = materialiseBorders(joined);
  const flat = bordered.length > joined.length ? fuseList(bordered, pinned) : joined;
  if (flat.every((s) => s.kind === 'op' || s.kind === 'routine')) return flat;
  const around = union(pinned, sharedBetween(flat));
  return flat.map((s): Step => {
    if (s.kind !== 'loop' && s.kind !== 'branch') return s;
    if (s.kind === 'branch') {
      // What both sides use counts as used outside of each.
      const apart = (list: readonly Step[], other: readonly Step[]): Set<TileTensor> => {
        const mine = new Set(list.flatMap((x) => [...usedBy(x)]));
        return union(around, new Set(other.flatMap((x) => [...usedBy(x)]).filter((t) => mine.has(t))));
      };
      return {
        ...s,
        then: fuseNested(s.then, apart(s.then, s.else), rewrite),
        else: fuseNested(s.else, apart(s.else, s.then), rewrite),
      };
    }
    const own = new Set(
      [s.trip, s.counter, s.cond?.init, s.cond?.state, s.cond?.next].flatMap((t) => (t ? [owner(t)] : [])),
    );
    for (const c of s.carried) for (const t of [c.init, c.state, c.next]) own.add(owner(t));
    return { ...s, steps: fuseNested(s.steps, union(around, own), rewrite) };
  });
}

/** The program with operators joined in registers. */
export function fuse(program: TileProgram, rewrite: Alternatives): TileProgram {
  const kept = [...program.inputs, ...program.outputs, ...program.checks.map((c) => c.ok)];
  return { ...program, steps: fuseNested(program.steps, new Set(kept.map(owner)), rewrite) };
}
