// Joining two operators in registers. In: a producer and a consumer of its tensor. Out: the consumer
// with the producer's value in place of its loads, or a reduction with an element-wise consumer as
// its stored value. Storage rounding between the two is kept.
import { type Axis, and, constant, type Expr, index, isLoad, makeExpr, round, select } from '../../3-tile/expr.ts';
import { SimplifyContext, simplify } from '../../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';
import { postOrder } from '../../support/rewrite.ts';
import { distance, linearise } from '../linear.ts';
import { flatIndex, flatLinear } from '../nest.ts';
import { indicesOf, rebuildOp, transform } from '../transform.ts';
import { dimGroups, divisions, flatten, reindex, unflatten } from './reindex.ts';

const MAX_LABEL = 60;

/** What both were called, in order. */
export function label(first: TileOp, second: TileOp): string {
  const names = new Set([...first.name.split('+'), ...second.name.split('+')].filter((n) => n !== ''));
  return [...names].join('+').slice(0, MAX_LABEL);
}

/** The stored value as a reader sees it. */
const stored = (op: TileOp): Expr => round(op.write.dtype, op.value);

/** The expression with axes replaced; its loads happen only where the guard, if there is one, holds. */
export function bindAxes(e: Expr, axes: ReadonlyMap<Axis, Expr>, guard: Expr | null): Expr {
  return transform(e, (n, src) => {
    if (n.op === 'axis') return axes.get(n.arg) ?? n;
    return guard && isLoad(n) ? guarded(n, src, guard) : undefined;
  });
}

/** A load that happens only where the guard holds. */
function guarded(e: Expr, src: readonly Expr[], guard: Expr): Expr {
  const tensor = e.arg as TileTensor;
  if (e.op === 'load') {
    const zero = constant(e.dtype, e.dtype === 'i64' || e.dtype === 'u64' ? 0n : 0);
    return makeExpr('guarded', e.dtype, [...src, guard, zero], tensor, e.lanes);
  }
  const rank = src.length - 2;
  const both = and(guard, src[rank]);
  return makeExpr('guarded', e.dtype, [...src.slice(0, rank), both, src[rank + 1]], tensor, e.lanes);
}

/** Producer axes at the element that a load of the consumer names; null where they need division. */
export function axesAt(producer: TileOp, tensor: TileTensor, at: readonly Expr[]): Map<Axis, Expr> | null {
  const { shape } = producer.write;
  const indices =
    at.length === tensor.shape.length ? reindex(tensor.shape, at, shape) : reindex([elementCount(shape)], at, shape);
  if (!indices) return null;
  return new Map(producer.at.flatMap((e, d) => (e.op === 'axis' ? [[e.arg, indices[d]] as const] : [])));
}

/**
 * The consumer computing the producer's values itself; null where indices would need division, or
 * where the consumer reads the stored bits as another type.
 */
export function inlineInto(consumer: TileOp, producer: TileOp): TileOp | null {
  let possible = true;
  const target = owner(producer.write);
  const value = stored(producer);
  const result = rebuildOp(consumer, (e, src) => {
    if (!isLoad(e) || owner(e.arg) !== target) return undefined;
    const rank = indicesOf(e).length;
    const axes = e.arg.dtype === producer.write.dtype ? axesAt(producer, e.arg, src.slice(0, rank)) : null;
    possible &&= axes !== null;
    if (!axes) return undefined;
    if (e.op === 'load') return bindAxes(value, axes, null);
    return select(src[rank], bindAxes(value, axes, src[rank]), src[rank + 1]);
  });
  return possible ? { ...result, name: label(producer, consumer) } : null;
}

/** The reduction storing what its element-wise reader makes of it; null where points differ. */
export function appendTo(reduction: TileOp, reader: TileOp): TileOp | null {
  const target = owner(reduction.write);
  const axisOf = matchAxes(reduction, reader);
  // Loads at different points bind different axes of the reader to the same one: then it has more points.
  if (!axisOf || pointsOf(reader.axes) !== pointsOf(reduction.axes)) return null;
  const value = stored(reduction);
  const over = rebuildOp(reader, (n) => {
    if (n.op === 'axis') return axisOf.get(n.arg)!;
    return isLoad(n) && owner(n.arg) === target ? value : undefined;
  });
  const context = new SimplifyContext();
  const at = over.at.map((e) => simplify(e, context));
  const joined = simplify(over.value, context);
  const before = divisions([reduction.value, reader.value, ...reader.at]);
  const place = placeOf(reduction, reader.write, at);
  if (divisions([joined, ...place.at]) > before) return null;
  return { ...reduction, name: label(reduction, reader), value: joined, ...place };
}

/** Where the joined operator stores: in the reduction's own shape when that is the same place. */
function placeOf(reduction: TileOp, write: TileTensor, at: readonly Expr[]): Pick<TileOp, 'write' | 'at'> {
  const own = reduction.write;
  const flat = simplify(flatIndex(write, at));
  const between = distance(flatLinear(own, reduction.at), linearise(flat));
  if (between !== 0 || elementCount(own.shape) !== elementCount(write.shape)) return { write, at };
  if (own.shape.length === write.shape.length && own.shape.every((d, i) => d === write.shape[i])) {
    return { write, at: reduction.at };
  }
  const view = newTensor(write.name, write.dtype, own.shape, 'temp', { base: write });
  return { write: view, at: reduction.at };
}

/** The reader's axes in terms of the reduction's, when every load is of the reader's own point. */
function matchAxes(reduction: TileOp, reader: TileOp): Map<Axis, Expr> | null {
  const target = owner(reduction.write);
  const axisOf = new Map<Axis, Expr>();
  const isOwn = (e: Expr): boolean => isLoad(e) && owner(e.arg) === target;
  for (const e of postOrder([reader.value, ...reader.at], (n) => (isOwn(n) ? [] : n.src)).filter(isOwn)) {
    if (e.op !== 'load' || e.arg.dtype !== reduction.write.dtype) return null;
    if (!bindPoint(reduction, e.arg, e.src, axisOf)) return null;
  }
  for (const a of reader.axes) {
    if (a.extent === 1 && !axisOf.has(a)) axisOf.set(a, index(0));
  }
  return reader.axes.every((a) => axisOf.has(a)) ? axisOf : null;
}

/** Binds the reader's axes so that its load names the reduction's own point. */
function bindPoint(reduction: TileOp, tensor: TileTensor, at: readonly Expr[], axisOf: Map<Axis, Expr>): boolean {
  const { shape } = reduction.write;
  const groups = at.length === tensor.shape.length ? dimGroups(tensor.shape, shape) : null;
  return (
    groups?.every((g) => {
      const [to, extents] = [g.to.map((d) => shape[d]), g.from.map((d) => tensor.shape[d])];
      const own = g.to.map((d) => reduction.at[d]);
      const parts = unflatten(extents, flatten(to, own));
      return g.from.every((d, k) => bindAxis(at[d], extents[k], parts[k], axisOf));
    }) ?? false
  );
}

function bindAxis(e: Expr, extent: number, value: Expr, axisOf: Map<Axis, Expr>): boolean {
  if (e.op !== 'axis' || e.arg.extent !== extent) return false;
  const before = axisOf.get(e.arg);
  axisOf.set(e.arg, value);
  return before === undefined || before === value;
}
