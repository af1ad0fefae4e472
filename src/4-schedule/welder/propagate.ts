// Which part of a producer's tensor one tile of a consumer reads: the one propagation that tiling, fusion and traffic
// share (Welder §3.1, with strides kept and regions clipped to the tensor). In: an operator and the span of each of its
// spatial axes. Out: a span per dimension of the tensor, whose first index is linear in the origins of the tile.
import type { Axis, Expr } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { distance, fixed, type Linear, linearise } from '../linear.ts';
import { indicesOf } from '../transform.ts';
import { loadsOf } from './region.ts';
import { reindex } from './reindex.ts';

/** Indices from `lo` below `lo + size`; `lo` is linear in the origins of the tile, which are axes too. */
export type Span = Readonly<{ lo: Linear; size: number }>;
/** The span of each axis of an operator; a missing axis is at 0. */
export type Spans = ReadonlyMap<Axis, Span>;

export const whole = (size: number): Span => ({ lo: fixed(0), size });

/** The values that an index takes over a tile; null where it is not linear in axes. */
function spanOf({ constant, terms }: Linear, spans: Spans): Span | null {
  let [low, size] = [constant, 1];
  let moved: Map<Expr, number> | null = null;
  for (const [t, c] of terms) {
    if (t.op !== 'axis') return null;
    const own = spans.get(t.arg);
    const reach = c * ((own ? own.size : t.arg.extent) - 1);
    size += Math.abs(reach);
    low += Math.min(0, reach) + (own ? c * own.lo.constant : 0);
    if (own) for (const [o, k] of own.lo.terms) (moved ??= new Map()).set(o, (moved.get(o) ?? 0) + c * k);
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

/** The indices of a load in the shape of the owner of its bytes; null where that takes a division. */
export function baseIndices(tensor: TileTensor, at: readonly Expr[]): readonly Expr[] | null {
  const o = owner(tensor);
  return at.length === tensor.shape.length ? reindex(tensor.shape, at, o.shape) : null;
}

/** An access: the linear index per dimension of the owner's shape; null where a reshape is in the way. */
export type Access = Readonly<{ target: TileTensor; at: readonly Linear[] | null }>;

/** The loads of an operator, each way of reaching an owner once. */
export function accessesOf(op: TileOp): readonly Access[] {
  let found = known.get(op);
  if (!found) {
    const loads = loadsOf(op);
    found = loads.map((e) => ({
      target: owner(e.arg),
      at: baseIndices(e.arg, indicesOf(e))?.map((x) => linearise(x)) ?? null,
    }));
    known.set(op, found);
  }
  return found;
}
const known = new WeakMap<TileOp, readonly Access[]>();

/** What of `target` a tile reads, per dimension of its shape; whole dimensions where that is all that is known. */
export function propagate(op: TileOp, spans: Spans, target: TileTensor): readonly Span[] {
  const reads = accessesOf(op).filter((a) => a.target === target);
  return target.shape.map((extent, d) => {
    const [first, ...rest] = reads.map(({ at }) => at && spanOf(at[d], spans));
    const span = rest.reduce(joined, first);
    return span && span.size < extent ? span : whole(extent);
  });
}

/** The axis that a dimension is stored at, with its distance; null where the index is anything else. */
export function storedAxis({ constant, terms }: Linear): { axis: Axis | null; offset: number } | null {
  const [only, ...others] = terms;
  if (!only) return { axis: null, offset: constant };
  const [t, c] = only;
  return others.length === 0 && c === 1 && t.op === 'axis' ? { axis: t.arg, offset: constant } : null;
}
