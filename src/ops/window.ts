// Sliding windows of convolutions and pools: attributes kernel_shape, strides, dilations, pads and
// auto_pad, the extents they give, and the guarded loads of window taps.
import type { NodeView } from '../2-graph/operator.ts';
import { add, type Expr, ge, guardedLoad, index, load, lt } from '../3-tile/expr.ts';
import { addDim, ceilDivDim, type Dim, floorDivDim, isStatic, subDim, symbol } from '../ir/dim.ts';
import { allOf, plus, times } from './index-math.ts';
import type { TileTensor } from './op.ts';

/** One number per spatial axis in each list. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and after; replaced by what `same` asks for when that is set. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly same: 'upper' | 'lower' | null;
  readonly ceil: boolean;
}

/** A window on an input of known extents. */
export interface Placement {
  readonly window: Window;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** A list attribute with one integer per axis, each at least `least`. */
export function perAxis(c: NodeView, name: string, count: number, fallback: number, least: number): number[] {
  const given = c.ints(name) ?? [];
  if (given.length === 0) return new Array<number>(count).fill(fallback);
  if (given.length !== count) c.fail(`${name} has ${given.length} values, expected ${count}`);
  for (const v of given) {
    if (v < least || v > 2 ** 31 - 1) c.fail(`${name} contains ${v}, which is out of range`);
  }
  return given;
}

const AUTO_PADS = ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID', ''];

/** Reads and checks the window attributes of a node. */
export function windowOf(c: NodeView, kernel: readonly number[]): Window {
  const n = kernel.length;
  if (kernel.some((k) => k < 1)) c.fail(`kernel [${kernel}] has an empty axis`);
  const auto = c.string('auto_pad', 'NOTSET');
  if (!AUTO_PADS.includes(auto)) c.fail(`auto_pad ${auto} is not defined`);
  const explicit = auto === 'NOTSET' || auto === '';
  const pads = perAxis(c, 'pads', 2 * n, 0, 0);
  const zero = new Array<number>(n).fill(0);
  return {
    kernel,
    strides: perAxis(c, 'strides', n, 1, 1),
    dilations: perAxis(c, 'dilations', n, 1, 1),
    before: explicit ? pads.slice(0, n) : zero,
    after: explicit ? pads.slice(n) : zero,
    same: auto === 'SAME_UPPER' ? 'upper' : auto === 'SAME_LOWER' ? 'lower' : null,
    ceil: c.int('ceil_mode', 0) !== 0,
  };
}

/** Extent that a window with its dilation covers. */
export const span = (w: Window, i: number): number => (w.kernel[i] - 1) * w.dilations[i] + 1;

/** Refuses positions that i32 indices cannot count. */
export function checkReach(c: NodeView, reach: number): void {
  if (reach < 2 ** 31) return;
  c.fail(`windows reach position ${reach}, above the limit of 2^31 - 1`, undefined, 'LIMIT_EXCEEDED');
}

/** Number of window positions along each axis. */
export function windowExtents(c: NodeView, w: Window, input: readonly Dim[]): Dim[] {
  return input.map((d, i) => {
    const stride = w.strides[i];
    if (w.same) {
      if (isStatic(d)) checkReach(c, d + span(w, i) + stride);
      return ceilDivDim(d, stride);
    }
    const padded = addDim(d, w.before[i] + w.after[i]);
    const room = subDim(padded, span(w, i));
    if (!isStatic(room)) {
      return w.ceil && stride > 1 ? symbol('?') : addDim(floorDivDim(room, stride), 1);
    }
    if (room < 0) {
      return c.fail(`a window of ${span(w, i)} does not fit axis ${i} of padded extent ${padded}`);
    }
    checkReach(c, (padded as number) + stride);
    if (!w.ceil) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // A window that would start in the padding after the data is left out.
    return (count - 1) * stride >= (d as number) + w.before[i] ? count - 1 : count;
  });
}

export function placeWindow(c: NodeView, w: Window, input: readonly number[]): Placement {
  const output = windowExtents(c, w, input) as number[];
  const total = input.map((d, i) => (w.same ? Math.max((output[i] - 1) * w.strides[i] + span(w, i) - d, 0) : 0));
  const half = total.map((t) => (w.same === 'upper' ? Math.floor(t / 2) : Math.ceil(t / 2)));
  return {
    window: w,
    input,
    output,
    before: w.same ? half : w.before,
    after: w.same ? total.map((t, i) => t - half[i]) : w.after,
  };
}

/** Input coordinates of tap `k` of the window at `o`, and conditions under which they exist. */
export function tap(p: Placement, o: readonly Expr[], k: readonly Expr[]): { at: Expr[]; guards: Expr[] } {
  const { kernel, strides, dilations } = p.window;
  const guards: Expr[] = [];
  const at = p.input.map((extent, i) => {
    const start = times(o[i], strides[i]);
    const moved = kernel[i] === 1 ? start : add(start, times(k[i], dilations[i]));
    const e = plus(moved, -p.before[i]);
    const last = (p.output[i] - 1) * strides[i] + span(p.window, i) - 1 - p.before[i];
    if (p.before[i] > 0) guards.push(ge(e, index(0)));
    if (last >= extent) guards.push(lt(e, index(extent)));
    return e;
  });
  return { at, guards };
}

/** The element under tap `k` of the window at `o`; `otherwise` where the tap is on padding. */
export function tapLoad(
  x: TileTensor,
  lead: readonly Expr[],
  p: Placement,
  o: readonly Expr[],
  k: readonly Expr[],
  otherwise: Expr,
): Expr {
  const { at, guards } = tap(p, o, k);
  const all = [...lead, ...at];
  return guards.length === 0 ? load(x, all) : guardedLoad(x, all, allOf(guards), otherwise);
}
