// What the roller needs to know of one operator, gathered once: its loads with their linear indices
// and dependences, arithmetic per point, and how the store meets each axis.
import { type Axis, type Expr, isLoad } from '../../3-tile/expr.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { entryOf } from '../../support/collections.ts';
import { postOrder } from '../../support/rewrite.ts';
import { type Linear, linearise } from '../linear.ts';
import { accesses } from '../nest.ts';
import { dependences, type Meeting, meeting, onLanes, storedWide } from '../vectors.ts';
import { ALONE, type Around, packable } from './pack.ts';

export interface LoadProfile {
  readonly load: Expr;
  readonly linear: Linear;
  readonly bytes: number;
  readonly axes: ReadonlySet<Axis>;
  readonly packable: boolean;
}

export interface Profile {
  readonly op: TileOp;
  readonly spatial: readonly Axis[];
  readonly reduce: readonly Axis[];
  /** Loads of the reduction's elements, and those of the stored value. */
  readonly inner: readonly LoadProfile[];
  readonly outer: readonly LoadProfile[];
  /** Nodes that compute per element of the reduction, and per stored value. */
  readonly innerWork: readonly Expr[];
  readonly outerWork: readonly Expr[];
  readonly deps: ReadonlyMap<Expr, ReadonlySet<Axis>>;
  readonly write: Linear;
}

const LEAVES: ReadonlySet<string> = new Set(['const', 'axis', 'acc', 'elem', 'load', 'guarded']);

/** Nodes of values, without those of indices and guards. */
function workOf(roots: readonly Expr[]) {
  const all = postOrder(roots, (e) => (isLoad(e) ? e.src.slice(2) : e.src));
  return { work: all.filter((e) => !LEAVES.has(e.op)), loads: all.filter(isLoad) };
}

export function profile(op: TileOp, around: Around = ALONE): Profile {
  const elems = op.reduce?.elems ?? [];
  const write = linearise(op.at[0]);
  const roots = [...elems, op.value];
  const deps = dependences([...roots, ...op.at]);
  const { linears } = accesses(roots);
  const own = new Set([...op.axes, ...(op.reduce?.axes ?? [])]);
  const describe = (load: Expr): LoadProfile => {
    const linear = linears.get(load)!;
    return {
      load,
      linear,
      bytes: isLoad(load) ? 4 : 0,
      axes: new Set([...deps.get(load)!].filter((a) => own.has(a))),
      packable: canPack(load, linear),
    };
  };
  const canPack = (load: Expr, linear: Linear): boolean => op.reduce !== null && packable(load, linear, own, around);
  const inner = workOf(elems);
  const outer = workOf([op.value]);
  return {
    op,
    spatial: op.axes,
    reduce: op.reduce?.axes ?? [],
    deps,
    write,
    inner: inner.loads.map(describe),
    outer: outer.loads.map(describe),
    innerWork: inner.work,
    outerWork: outer.work,
  };
}

/** Found once for a key of a profile and an axis, however many tiles ask. */
function perAxis<K extends object, T>(of: (p: Profile, key: K, axis: Axis) => T): typeof of {
  const known = new WeakMap<K, Map<Axis, T>>();
  return (p, key, axis) => {
    const all = entryOf(known, key, () => new Map());
    return entryOf(all, axis, () => of(p, key, axis));
  };
}

/** How a load meets the lanes of an axis; constants can be packed to suit. */
export const loadMeeting = perAxis((p, l: LoadProfile, axis): Meeting => {
  const how = meeting(l.load, l.linear, axis, p.deps);
  return how === 'apart' && l.packable ? 'wide' : how;
});

/** Whether consecutive lanes of this axis are stored as one vector. */
export const storesWide = (p: Profile, axis: Axis): boolean => storedWide(p.op.write, p.write, axis, p.deps);

/** Nodes that vary along the axis and do not compute on lanes. */
export const scalarNodes = perAxis((p, nodes: readonly Expr[], axis): number => {
  let n = 0;
  for (const e of nodes) if (p.deps.get(e)!.has(axis) && !onLanes(e)) n++;
  return n;
});
