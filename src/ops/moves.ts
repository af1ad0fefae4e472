// What the operators that move elements share: permutations that become views when nothing moves,
// and slices of one axis. In: tile tensors. Out: tile tensors.

import type { TileBuilder } from '../3-tile/builder.ts';
import { add, type Expr, index, load } from '../3-tile/expr.ts';
import { addDim, type Dim, isStatic } from '../ir/dim.ts';
import type { InferContext, TileTensor } from './op.ts';

/** True when a permutation keeps the order of all axes longer than 1, so that no element moves. */
export function keepsOrder(shape: readonly number[], perm: readonly number[]): boolean {
  const long = perm.filter((p) => shape[p] !== 1);
  return long.every((p, i) => i === 0 || long[i - 1] < p);
}

/** out axis i is axis perm[i] of x. */
export function permute(b: TileBuilder, x: TileTensor, perm: readonly number[]): TileTensor {
  const shape = perm.map((p) => x.shape[p]);
  if (keepsOrder(x.shape, perm)) return b.view(x, shape);
  return b.map(x.dtype, shape, (ix) => {
    const at: Expr[] = new Array(perm.length);
    perm.forEach((p, i) => {
      at[p] = ix[i];
    });
    return load(x, at);
  });
}

/** Views x as `shape`, permutes, views the result as `target`. */
export function permuteAs(
  b: TileBuilder,
  x: TileTensor,
  shape: readonly number[],
  perm: readonly number[],
  target: readonly number[],
): TileTensor {
  return b.view(permute(b, b.view(x, shape), perm), target);
}

/** Elements begin…begin+length-1 of one axis. */
export function sliceAxis(b: TileBuilder, x: TileTensor, axis: number, begin: number, length: number): TileTensor {
  if (length === x.shape[axis]) return x;
  const shape = x.shape.map((d, i) => (i === axis ? length : d));
  return b.map(x.dtype, shape, (ix) =>
    load(
      x,
      ix.map((e, i) => (i === axis ? add(e, index(begin)) : e)),
    ),
  );
}

/** Axes made non-negative and checked for range and repetition. */
export function normalAxes(c: Pick<InferContext, 'axis' | 'fail'>, axes: readonly number[], rank: number): number[] {
  const result = axes.map((a) => c.axis(a, rank));
  if (new Set(result).size !== result.length) c.fail(`axes [${axes}] repeat an axis`);
  return result;
}

export const sumDims = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(addDim, 0);

/** Refuses two numeric extents that differ. */
export function sameExtent(c: InferContext, a: Dim, b: Dim, what: string): void {
  if (isStatic(a) && isStatic(b) && a !== b) c.fail(`${what}: ${a} and ${b} differ`);
}
