// Which part of a producer's tensor one tile of a consumer reads: the one propagation that tiling, fusion and traffic
// share (Welder §3.1, with strides kept and regions clipped to the tensor). In: an operator and the span of each of its
// spatial axes. Out: a span per dimension of the tensor, whose first index is linear in the origins of the tile.
import type { Axis, Expr } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { entryOf } from '../../support/collections.ts';
import { distance, fixed, type Linear, linearise } from '../linear.ts';
import { indicesOf } from '../transform.ts';
import { loadsOf } from './region.ts';
import { reindex } from './reindex.ts';

/** Indices from `lo` below `lo + size`; `lo` is linear in the origins of the tile, which are axes too. */
export type Span = Readonly<{ lo: Linear; size: number }>;
export const pointsIn = (region: readonly Span[]): number => region.reduce((n, s) => n * s.size, 1);
/** The span of each axis of an operator; a missing axis is at 0. */
export type Spans = ReadonlyMap<Axis, Span>;

export const whole = (size: number): Span => ({ lo: fixed(0), size });

/** What a span over the axes of an operator is over a tile; null where it is not linear in axes. */
function overTile({ lo: { constant, terms }, size: own }: Span, spans: Spans): Span | null {
  let [low, size] = [constant, own];
  let moved: Map<Expr, number> | null = null;
  for (const [t, c] of terms) {
    if (t.op !== 'axis') return null;
    const along = spans.get(t.arg);
    const reach = c * ((along ? along.size : t.arg.extent) - 1);
    size += Math.abs(reach);
    low += Math.min(0, reach) + (along ? c * along.lo.constant : 0);
    if (along) for (const [o, k] of along.lo.terms) (moved ??= new Map()).set(o, (moved.get(o) ?? 0) + c * k);
  }
  if (!moved) return { lo: fixed(low), size };
  for (const [o, k] of moved) if (k === 0) moved.delete(o);
  return { lo: { constant: low, terms: moved }, size };
}

/** The smallest span that holds both; null where their distance varies. */
function joined(a: Span | null, b: Span | null): Span | null {
  const between = a && b && distance(a.lo, b.lo);
  if (!a || !b || between === null) return null;
  const [first, second] = [Math.max(0, -between), Math.max(0, between)];
  return { lo: between < 0 ? b.lo : a.lo, size: Math.max(first + a.size, second + b.size) };
}

/** The indices of a load in the shape of the owner of its bytes; null where that takes a division that is not allowed. */
export function baseIndices(tensor: TileTensor, at: readonly Expr[], allowed = false): readonly Expr[] | null {
  const o = owner(tensor);
  return at.length === tensor.shape.length ? reindex(tensor.shape, at, o.shape, allowed) : null;
}

/** An access: the linear index per dimension of the owner's shape; null where a reshape is in the way. */
export type Access = Readonly<{ target: TileTensor; at: readonly Linear[] | null }>;

/** The loads of an operator, each way of reaching an owner once. */
export const accessesOf = perOp((op): readonly Access[] =>
  loadsOf(op).map((e) => ({
    target: owner(e.arg),
    at: baseIndices(e.arg, indicesOf(e))?.map((x) => linearise(x)) ?? null,
  })),
);

/** What is read of each tensor at one point, per dimension: indices that differ by a constant are one span; or null. */
const sitesOf = perOp((op) => {
  const sites = new Map<TileTensor, readonly (readonly Span[])[] | null>();
  for (const e of loadsOf(op)) {
    const target = owner(e.arg);
    // Dimensions that a reshape mixes are no linear forms; the others are.
    const at = baseIndices(e.arg, indicesOf(e), true)?.map((x) => linearise(x)) ?? null;
    const before = sites.get(target);
    sites.set(target, at && before !== null ? at.map((lo, d) => including(before?.[d] ?? [], { lo, size: 1 })) : null);
  }
  return sites;
});

function including(all: readonly Span[], one: Span): readonly Span[] {
  const i = all.findIndex((s) => distance(s.lo, one.lo) !== null);
  return i < 0 ? [...all, one] : all.with(i, joined(all[i], one)!);
}

/** Found once for an operator. */
export function perOp<T>(of: (op: TileOp) => T): (op: TileOp) => T {
  const known = new WeakMap<TileOp, T>();
  return (op) => entryOf(known, op, () => of(op));
}

/** What a tile reads of each tensor, per dimension of its shape; whole dimensions where that is all that is known. */
export type Reads = ReadonlyMap<TileTensor, readonly Span[]>;

export function propagate(op: TileOp, spans: Spans): Reads {
  const found = new Map<TileTensor, Span[]>();
  for (const [target, sites] of sitesOf(op)) {
    const read = (extent: number, d: number): Span => {
      const all = sites?.[d] ?? [];
      let span = all.length > 0 ? overTile(all[0], spans) : null;
      for (let i = 1; i < all.length; i++) span = joined(span, overTile(all[i], spans));
      return span && span.size < extent ? span : whole(extent);
    };
    found.set(target, target.shape.map(read));
  }
  return found;
}

/** The axis that a dimension is stored at, with its distance; null where the index is anything else. */
export function storedAxis({ constant, terms }: Linear): { axis: Axis | null; offset: number } | null {
  const [only, ...others] = terms;
  if (!only) return { axis: null, offset: constant };
  const [t, c] = only;
  return others.length === 0 && c === 1 && t.op === 'axis' ? { axis: t.arg, offset: constant } : null;
}
