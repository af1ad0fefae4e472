// A reduction in two: of parts, an axis of their own, and of what the parts gave, by the same monoid. In: a reduction whose
// monoid joins results of ranges in order. Out: operators of the same meaning; floats are summed in another order. The
// welder takes parts where their tiles join what makes the elements, so that these are folded while they are near.
import { acc, add, axisExpr, index, isConst, load, mul, newAxis } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { newTensor, owner } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';
import { indicesOf, mapOp } from '../transform.ts';
import { bindAxes } from './inline.ts';
import { elemRoots, loadsBelow } from './region.ts';

/** Parts are one per component of the state, and as many for a last one that is shorter. */
export type Split = Readonly<{ parts: readonly TileOp[]; merged: TileOp }>;

/** The reduction in parts of `length` along its outermost axis; null where there is one part, or no way to merge. */
export function split(op: TileOp, length: number): Split | null {
  const { reduce } = op;
  const axis = reduce?.axes.find((a) => a.extent > 1);
  if (!reduce?.monoid.merge || !axis || length >= axis.extent) return null;
  const [whole, rest] = [Math.floor(axis.extent / length), axis.extent % length];
  const { state, merge } = reduce.monoid;
  const shape = [whole + Math.sign(rest), ...op.axes.map((a) => a.extent)];
  const stored = state.map((dtype) => newTensor('part', dtype, shape, 'temp'));
  const at = op.axes.map(axisExpr);
  const parts = [...(rest > 0 ? [[1, rest, whole]] : []), [whole, length, 0]].flatMap(([count, size, first]) => {
    const [part, own] = [newAxis('p', count), newAxis(axis.name, size, 'reduce')];
    const place = first > 0 ? index(first) : axisExpr(part);
    const bound = new Map([[axis, add(mul(place, index(length)), axisExpr(own))]]);
    const moved = mapOp(op, (e) => bindAxes(e, bound, null)).reduce!;
    const folded = { ...moved, axes: reduce.axes.map((a) => (a === axis ? own : a)) };
    return stored.map((write, i): TileOp => {
      return { ...op, axes: [part, ...op.axes], reduce: folded, write, at: [place, ...at], value: acc(i, state[i]) };
    });
  });
  const each = newAxis('p', shape[0], 'reduce');
  const elems = stored.map((t) => load(t, [axisExpr(each), ...at]));
  return { parts, merged: { ...op, reduce: { axes: [each], monoid: { ...reduce.monoid, combine: merge }, elems } } };
}

/** Elements of the tensor that is folded per stored part, at least. */
const MIN_FOLDED = 32;

/** The finest split into equal parts that stores little, of what these operators make; null for none. */
export function finestSplit(op: TileOp, makers: readonly TileOp[]): Split | null {
  const axis = op.reduce?.monoid.state.length === 1 ? op.reduce.axes.find((a) => a.extent > 1) : undefined;
  const made = new Set(makers.map((m) => owner(m.write)));
  const folded = loadsBelow(elemRoots(op)).find((e) => made.has(owner(e.arg)));
  // Rows that lie side by side are whole wherever they are near.
  const last = folded && indicesOf(folded).findLast((e) => !isConst(e));
  if (!axis || !last || walkExpr(last).includes(axisExpr(axis))) return null;
  const parts = elementCount(owner(folded.arg).shape) / (pointsOf(op.axes) * MIN_FOLDED);
  let length = Math.max(1, Math.ceil(axis.extent / parts));
  while (length < axis.extent && axis.extent % length !== 0) length++;
  return split(op, length);
}
