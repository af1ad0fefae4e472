// What the windowed pools share: inference, the placement of the window, the number of elements
// that count in each window, and reductions of whole spatial extents.

import { type ComputeType, cast, div, type Expr, index, load, max, min, mul, sub } from '../3-tile/expr.ts';
import type { Monoid } from '../3-tile/tile-op.ts';
import type { Dim } from '../ir/dim.ts';
import { plus, times } from './index-math.ts';
import { fold } from './long-sum.ts';
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
  const taps = kernel.reduce((p, k) => p * k, 1);
  if (taps > MAX_TAPS)
    c.fail(`a window has ${taps} taps, at most ${MAX_TAPS} are allowed`, undefined, 'LIMIT_EXCEEDED');
  const [n, channels, ...spatial] = c.dims(0);
  return [n, channels, ...windowExtents(c, window, spatial)];
}

/** Elements of one window: far above what networks use, low enough to be summed in a second. */
const MAX_TAPS = 2 ** 24;

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
  x = c.tensor(0),
): TileTensor {
  return c.b.reduce(
    dtype,
    [...x.shape.slice(0, 2), ...p.output],
    p.window.kernel,
    monoid,
    ([n, m, ...o], k) => element(tapLoad(x, [n, m], p, o, k, otherwise)),
    ([state], ix) => finish(state, ix),
  );
}

/** The window along one axis alone, on data that has been folded along the axes behind it. */
function alongAxis(p: Placement, axis: number): Placement {
  const { kernel, strides, dilations } = p.window;
  const only = (list: readonly number[], other: number): number[] => list.map((v, i) => (i === axis ? v : other));
  const input = p.input.map((n, i) => (i <= axis ? n : p.output[i]));
  const window = { ...p.window, kernel: only(kernel, 1), strides: only(strides, 1), dilations: only(dilations, 1) };
  const output = input.map((n, i) => (i === axis ? p.output[i] : n));
  return { window, input, output, before: only(p.before, 0), after: only(p.after, 0) };
}

/** How often an element must be folded in all axes at once for one axis after the other to pay. */
const SEPARATE = 16;

/** The windows of a pool, one after the other: a large window is folded along one axis at a time. */
export function poolStages(p: Placement): readonly Placement[] {
  const taps = p.window.kernel.reduce((n, k) => n * k, 1);
  if (taps < SEPARATE) return [p];
  const axes = p.window.kernel.flatMap((k, i) => (k > 1 ? [i] : []));
  return axes.length > 1 ? p.input.map((_, i) => alongAxis(p, i)).reverse() : [p];
}

/** How many taps at o * stride + k * dilation lie below `end`, for the window at `o` on an axis. */
function tapsBelow(p: Placement, axis: number, o: Expr, end: number): Expr {
  const { kernel, strides, dilations } = p.window;
  const left = max(sub(index(end), times(o, strides[axis])), index(0));
  const dilation = dilations[axis];
  const whole = dilation === 1 ? left : div(plus(left, dilation - 1), index(dilation));
  return min(whole, index(kernel[axis]));
}

/** Taps of the window at `o` that fall on data, or on data and its stated padding; null for all of them. */
function tapCount(p: Placement, axis: number, o: Expr, withPadding: boolean): Expr | null {
  const { strides } = p.window;
  const end = p.before[axis] + p.input[axis] + (withPadding ? p.after[axis] : 0);
  const cutsEnd = (p.output[axis] - 1) * strides[axis] + span(p.window, axis) > end;
  const cutsStart = !withPadding && p.before[axis] > 0;
  if (!cutsEnd && !cutsStart) return null;
  const below = tapsBelow(p, axis, o, end);
  return max(cutsStart ? sub(below, tapsBelow(p, axis, o, p.before[axis])) : below, index(1));
}

/** Number of elements in the window at `o`, as a value of `dtype`; at least 1. */
export function windowCount(p: Placement, dtype: ComputeType, withPadding: boolean): (o: readonly Expr[]) => Expr {
  return (o) => {
    let fixed = 1;
    const varying: Expr[] = [];
    for (const [axis, e] of o.entries()) {
      const count = tapCount(p, axis, e, withPadding);
      if (count) varying.push(count);
      else fixed *= p.window.kernel[axis];
    }
    return cast(dtype, varying.reduce(mul, index(fixed)));
  };
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
  return fold(
    c.b,
    c.outDtype(),
    c.outShape(),
    spatial,
    monoid,
    ([n, m], at) => element(load(x, [n, m, ...at])),
    ([state]) => finish(state, count),
  );
}
