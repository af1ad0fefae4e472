// What the softmax family shares: the axis view of the input and reductions that keep their axis.
import type { TileBuilder } from '../3-tile/builder.ts';
import { computeType, type Expr, index } from '../3-tile/expr.ts';
import type { Monoid } from '../3-tile/tile-op.ts';
import type { LowerContext, TileTensor } from './op.ts';

/** The input and its axis; in the coerced form the input is viewed as two axes. */
export function softmaxView(c: LowerContext): { x: TileTensor; axis: number } {
  const x = c.tensor(0);
  if (x.shape.length === 0) return { x: c.b.view(x, [1]), axis: 0 };
  const coerce = c.int('coerce2d', 0) === 1;
  const axis = c.axis(c.int('axis', coerce ? 1 : -1), x.shape.length);
  if (!coerce) return { x, axis };
  const rows = x.shape.slice(0, axis).reduce((p, d) => p * d, 1);
  const cols = x.shape.slice(axis).reduce((p, d) => p * d, 1);
  return { x: c.b.view(x, [rows, cols]), axis: 1 };
}

/** Indices with the axis replaced by 0: where a kept reduction of that axis is read. */
export const keepAt = (ix: readonly Expr[], axis: number): Expr[] => ix.map((e, i) => (i === axis ? index(0) : e));

/** Reduces one axis of `like`, keeping it with extent 1. */
export function axisReduce(
  b: TileBuilder,
  like: TileTensor,
  axis: number,
  monoid: Monoid,
  elem: (ix: readonly Expr[]) => Expr,
  finish: (state: readonly Expr[]) => Expr = ([s]) => s,
): TileTensor {
  const shape = like.shape.map((d, i) => (i === axis ? 1 : d));
  const at = (ix: readonly Expr[], [r]: readonly Expr[]): Expr => elem(ix.map((e, i) => (i === axis ? r : e)));
  return b.reduce(computeType(like.dtype), shape, [like.shape[axis]], monoid, at, finish);
}
