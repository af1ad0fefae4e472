// Mean and variance over trailing axes: the two reductions under every normalisation. The variance
// is that of the deviations, which keeps its digits when the mean is large.
import type { TileBuilder } from '../3-tile/builder.ts';
import { add, type ComputeType, cast, constant, div, type Expr, load, mul, sqrt, sub } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { fold } from './long-sum.ts';
import type { TileTensor } from './op.ts';

export interface Moments {
  /** [outer…], compute type. */
  readonly mean: TileTensor;
  /** Population variance, [outer…]. */
  readonly variance: TileTensor;
}

type Element = (ix: readonly Expr[], rx: readonly Expr[]) => Expr;

const size = (extents: readonly number[]): number => extents.reduce((n, d) => n * d, 1);

/** Mean over `inner` of element(ix, rx), for every ix below `outer`. */
export function meanOver(
  b: TileBuilder,
  dtype: ComputeType,
  outer: readonly number[],
  inner: readonly number[],
  element: Element,
): TileTensor {
  const count = constant(dtype, size(inner));
  return fold(b, dtype, outer, inner, sum(dtype), element, ([total]) => div(total, count));
}

export function moments(
  b: TileBuilder,
  dtype: ComputeType,
  outer: readonly number[],
  inner: readonly number[],
  element: Element,
): Moments {
  const mean = meanOver(b, dtype, outer, inner, element);
  const variance = meanOver(b, dtype, outer, inner, (ix, rx) => {
    const deviation = sub(element(ix, rx), load(mean, ix));
    return mul(deviation, deviation);
  });
  return { mean, variance };
}

/** 1 / sqrt(variance + epsilon), element by element. */
export function inverseDeviation(b: TileBuilder, variance: TileTensor, epsilon: number): TileTensor {
  const dtype = variance.dtype as ComputeType;
  return b.map(dtype, variance.shape, (ix) =>
    div(constant(dtype, 1), sqrt(add(load(variance, ix), constant(dtype, epsilon)))),
  );
}

/** Element of `t` in compute type `dtype`. */
export const loadAs = (dtype: ComputeType, t: TileTensor, ix: readonly Expr[]): Expr => cast(dtype, load(t, ix));
