// What the roller needs to know of one operator, gathered once: its loads with their linear indices
// and dependences, arithmetic per point, and how the store meets each axis.
import { type Axis, axisExpr, type Expr, isLoad } from '../../3-tile/expr.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { type Linear, linearise } from '../linear.ts';
import { accesses } from '../nest.ts';
import { dependences, type Meeting, meeting, onLanes, wideStorage } from '../vectors.ts';
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
  /** Elements of the reduction per point. */
  readonly steps: number;
  /** Loads of the reduction's elements, and those of the stored value. */
  readonly inner: readonly LoadProfile[];
  readonly outer: readonly LoadProfile[];
  /** Nodes that compute per element of the reduction, and per stored value. */
  readonly innerWork: readonly Expr[];
  readonly outerWork: readonly Expr[];
  readonly deps: ReadonlyMap<Expr, ReadonlySet<Axis>>;
  readonly write: Linear;
  /** By axis, as they are asked for. */
  readonly along: Map<Axis, Along>;
}

type Along = Readonly<{
  meetings: ReadonlyMap<LoadProfile, Meeting>;
  stored: boolean;
  scalars: ReadonlyMap<readonly Expr[], number>;
}>;

const LEAVES: ReadonlySet<string> = new Set(['const', 'axis', 'acc', 'elem', 'load', 'guarded']);

/** Nodes of values, without those of indices and guards. */
function workOf(roots: readonly Expr[]): { work: Expr[]; loads: Expr[] } {
  const work: Expr[] = [];
  const loads: Expr[] = [];
  const seen = new Set<Expr>();
  const stack = [...roots];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (seen.has(e)) continue;
    seen.add(e);
    if (isLoad(e)) {
      loads.push(e);
      if (e.op === 'guarded') stack.push(e.src[2]);
      continue;
    }
    if (!LEAVES.has(e.op)) work.push(e);
    stack.push(...e.src);
  }
  return { work, loads };
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
    steps: pointsOf(op.reduce?.axes ?? []),
    deps,
    write,
    inner: inner.loads.map(describe),
    outer: outer.loads.map(describe),
    innerWork: inner.work,
    outerWork: outer.work,
    along: new Map(),
  };
}

/** How a load meets the lanes of an axis; constants can be packed to suit. */
export const loadMeeting = (p: Profile, l: LoadProfile, axis: Axis): Meeting => along(p, axis).meetings.get(l)!;

/** Whether consecutive lanes of this axis are stored as one vector. */
export const storesWide = (p: Profile, axis: Axis): boolean => along(p, axis).stored;

/** Nodes of the work of a reduction, or of the stored value, that vary along the axis and do not compute on lanes. */
export const scalarNodes = (p: Profile, nodes: readonly Expr[], axis: Axis): number =>
  along(p, axis).scalars.get(nodes)!;

/** What all tiles across an axis have alike. */
function along(p: Profile, axis: Axis): Along {
  let known = p.along.get(axis);
  if (!known) {
    const { deps } = p;
    const met = (l: LoadProfile): Meeting => {
      const how = meeting(l.load, l.linear, axis, deps);
      return how === 'apart' && l.packable ? 'wide' : how;
    };
    const scalars = (nodes: readonly Expr[]): number => {
      let n = 0;
      for (const e of nodes) if (deps.get(e)!.has(axis) && !onLanes(e)) n++;
      return n;
    };
    const others = [...p.write.terms.keys()].filter((t) => t !== axisExpr(axis));
    const next = wideStorage(p.op.write.dtype) && p.write.terms.get(axisExpr(axis)) === 1;
    known = {
      meetings: new Map([...p.inner, ...p.outer].map((l) => [l, met(l)])),
      stored: next && !others.some((t) => deps.get(t)!.has(axis)),
      scalars: new Map([p.innerWork, p.outerWork].map((nodes) => [nodes, scalars(nodes)])),
    };
    p.along.set(axis, known);
  }
  return known;
}
