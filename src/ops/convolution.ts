// What the convolutions share: checks of shapes and groups, and the reduction over input channels
// and taps. With groups the channel axes are split by views, so indices need no division.

import { add, type ComputeType, computeType, constant, type Expr, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import type { Dim } from '../ir/dim.ts';
import { isStatic } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import { flatIndex } from './index-math.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';
import { placeWindow, tapLoad, type Window, windowExtents, windowOf } from './window.ts';

/** Refuses when both extents are known and differ. */
export function sameExtent(c: InferContext, what: string, a: Dim, b: Dim): void {
  if (isStatic(a) && isStatic(b) && a !== b) c.fail(`${what}: extent ${a}, expected ${b}`);
}

/** The window of a convolution whose weight is input `w`; checks ranks and kernel_shape. */
export function convolutionWindow(c: InferContext, x: number, w: number): Window {
  const rank = c.rank(x);
  if (rank < 3) c.fail(`input has rank ${rank}, expected at least 3`);
  if (c.rank(w) !== rank) c.fail(`weight has rank ${c.rank(w)} beside an input of rank ${rank}`);
  const kernel = c.shape(w).slice(2);
  const stated = c.ints('kernel_shape');
  if (stated && stated.join() !== kernel.join()) {
    c.fail(`kernel_shape [${stated}] differs from the weight's [${kernel}]`);
  }
  return windowOf(c, kernel);
}

/** The `group` attribute, at least 1. */
export function groupCount(c: { int(name: string, fallback: number): number; fail(what: string): never }): number {
  const group = c.int('group', 1);
  if (group < 1) c.fail(`group is ${group}, expected at least 1`);
  return group;
}

/** Output extents [N, M, spatial…] of x [N, C, spatial…] with weight [M, C/group, taps…]. */
export function inferConvolution(c: InferContext, x = 0, w = 1): Dim[] {
  const window = convolutionWindow(c, x, w);
  const group = groupCount(c);
  const [n, channels, ...spatial] = c.dims(x);
  const [m, perGroup] = c.shape(w);
  sameExtent(c, `weight reads ${perGroup} channels in each of ${group} groups`, channels, perGroup * group);
  if (m % group !== 0) c.fail(`${m} output channels do not split into ${group} groups`);
  return [n, m, ...windowExtents(c, window, spatial)];
}

/** A vector input with one value per output channel. */
export function checkChannelVector(c: InferContext, i: number, channels: Dim, what: string): void {
  if (!c.has(i)) return;
  if (c.rank(i) !== 1) c.fail(`${what} has rank ${c.rank(i)}, expected 1`);
  sameExtent(c, what, c.dims(i)[0], channels);
}

export interface ConvolutionSpec {
  readonly x: TileTensor;
  readonly w: TileTensor;
  /** Storage type of the result. */
  readonly dtype: DType;
  /** Type of the sum; products have it too. */
  readonly sumType: ComputeType;
  /** Value of taps on padding, in the compute type of x; 0 when absent. */
  readonly padding?: Expr;
  /** Product of an input and a weight element; `m` is the output channel. */
  readonly term?: (x: Expr, w: Expr, m: Expr) => Expr;
  /** From the sum to the stored value; `m` is the output channel. */
  readonly finish?: (total: Expr, m: Expr) => Expr;
}

/** Emits one convolution with the window attributes of the node; result [N, M, spatial…]. */
export function convolve(c: LowerContext, spec: ConvolutionSpec): TileTensor {
  const { x, w, padding = constant(computeType(x.dtype), 0), finish, term = mul } = spec;
  const group = groupCount(c);
  const place = placeWindow(c, windowOf(c, w.shape.slice(2)), x.shape.slice(2));
  const [n, channels] = x.shape;
  const [m, perGroup] = w.shape;
  const groups = group === 1 ? [] : [group];
  const lead = groups.length;
  const xs = c.b.view(x, [n, ...groups, channels / group, ...place.input]);
  const ws = c.b.view(w, [...groups, m / group, perGroup, ...place.window.kernel]);
  const channel = (ix: readonly Expr[]): Expr => flatIndex(ix.slice(1, lead + 2), [...groups, m / group]);
  const out = c.b.reduce(
    spec.dtype,
    [n, ...groups, m / group, ...place.output],
    [perGroup, ...place.window.kernel],
    sum(spec.sumType),
    (ix, [r, ...k]) => {
      const g = ix.slice(1, lead + 1);
      const value = tapLoad(xs, [ix[0], ...g, r], place, ix.slice(lead + 2), k, padding);
      return term(value, load(ws, [...g, ix[lead + 1], r, ...k]), channel(ix));
    },
    ([total], ix) => (finish ? finish(total, channel(ix)) : total),
  );
  return c.b.view(out, [n, m, ...place.output]);
}

/** Adds the channel's element of input `i` when it is there. */
export function addChannelBias(c: LowerContext, i: number): (total: Expr, m: Expr) => Expr {
  if (!c.has(i)) return (total) => total;
  const bias = c.tensor(i);
  return (total, m) => add(total, load(bias, [m]));
}
