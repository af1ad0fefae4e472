// What the windowed pools share: inference, the placement of the window, the number of elements
// that count in each window, and reductions of whole spatial extents.

import type { ComputeType, Expr } from '../3-tile/expr.ts';
import { constant, load, mul } from '../3-tile/expr.ts';
import type { Monoid } from '../3-tile/tile-op.ts';
import type { Dim } from '../ir/dim.ts';
import { tensorOf } from '../ir/tensor.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';
import { type Placement, placeWindow, span, tapLoad, windowExtents, windowOf } from './window.ts';

/** Output extents [N, C, spatial…] of a pool over input 0. */
export function inferPool(c: InferContext): Dim[] {
  const rank = c.rank(0);
  if (rank < 3) c.fail(`input has rank ${rank}, expected at least 3`);
  const kernel = c.ints('kernel_shape');
  if (!kernel) c.fail('attribute kernel_shape is missing', undefined, 'INVALID_MODEL');
  if (kernel.length !== rank - 2) {
    c.fail(`kernel_shape [${kernel}] has ${kernel.length} values, expected ${rank - 2}`);
  }
  const window = windowOf(c, kernel);
  const reach = kernel.map((_, i) => span(window, i));
  if (window.before.some((p, i) => p >= reach[i]) || window.after.some((p, i) => p >= reach[i])) {
    c.fail(`pads [${window.before}, ${window.after}] are not smaller than the window [${reach}]`);
  }
  const [n, channels, ...spatial] = c.dims(0);
  return [n, channels, ...windowExtents(c, window, spatial)];
}

export const poolPlacement = (c: LowerContext): Placement =>
  placeWindow(c, windowOf(c, c.ints('kernel_shape') ?? []), c.shape(0).slice(2));

/** Folds each window of x; taps on padding count as `otherwise`. */
export function poolReduce(
  c: LowerContext,
  p: Placement,
  dtype: TileTensor['dtype'],
  monoid: Monoid,
  otherwise: Expr,
  element: (x: Expr) => Expr,
  finish: (state: Expr, ix: readonly Expr[]) => Expr,
): TileTensor {
  const x = c.tensor(0);
  return c.b.reduce(
    dtype,
    [...x.shape.slice(0, 2), ...p.output],
    p.window.kernel,
    monoid,
    ([n, m, ...o], k) => element(tapLoad(x, [n, m], p, o, k, otherwise)),
    ([state], ix) => finish(state, ix),
  );
}

/** Per position along axis i, how many taps fall on data, or on data and its stated padding. */
function tapCounts(p: Placement, i: number, withPadding: boolean): number[] {
  const { kernel, strides, dilations } = p.window;
  const lo = withPadding ? -p.before[i] : 0;
  const hi = p.input[i] + (withPadding ? p.after[i] : 0);
  return Array.from({ length: p.output[i] }, (_, o) => {
    let count = 0;
    for (let k = 0; k < kernel[i]; k++) {
      const at = o * strides[i] + k * dilations[i] - p.before[i];
      if (at >= lo && at < hi) count++;
    }
    return count;
  });
}

/** Number of elements in the window at `o`, as a value of `dtype`; at least 1. */
export function windowCount(
  c: LowerContext,
  p: Placement,
  dtype: ComputeType,
  withPadding: boolean,
): (o: readonly Expr[]) => Expr {
  let fixed = 1;
  const tables: { readonly axis: number; readonly counts: TileTensor }[] = [];
  for (const axis of p.input.keys()) {
    const counts = tapCounts(p, axis, withPadding).map((n) => Math.max(n, 1));
    if (counts.every((n) => n === counts[0])) fixed *= counts[0] ?? 1;
    else tables.push({ axis, counts: c.b.constant(tensorOf(dtype, [counts.length], counts)) });
  }
  return (o) => tables.reduce<Expr>((n, t) => mul(n, load(t.counts, [o[t.axis]])), constant(dtype, fixed));
}

/** [N, C, 1, …] for an input [N, C, spatial…]. */
export function inferGlobalPool(c: InferContext): Dim[] {
  const dims = c.dims(0);
  if (dims.length < 2) c.fail(`input has rank ${dims.length}, expected at least 2`);
  return dims.map((d, i) => (i < 2 ? d : 1));
}

/** Folds all spatial extents of input 0. */
export function globalReduce(
  c: LowerContext,
  monoid: Monoid,
  element: (x: Expr) => Expr,
  finish: (state: Expr, count: number) => Expr,
): TileTensor {
  const x = c.tensor(0);
  const spatial = x.shape.slice(2);
  const count = spatial.reduce((n, d) => n * d, 1);
  return c.b.reduce(
    c.outDtype(),
    c.outShape(),
    spatial,
    monoid,
    ([n, m], at) => element(load(x, [n, m, ...at])),
    ([state]) => finish(state, count),
  );
}
