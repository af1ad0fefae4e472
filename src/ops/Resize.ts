// ONNX Resize since 19: nearest, linear or cubic interpolation along any axes, one axis at a time.
// Sizes, scales and region are known at compile time, so coordinates and weights become tables.

import type { Indices } from '../3-tile/builder.ts';
import {
  add,
  type ComputeType,
  cast,
  computeType,
  constant,
  div,
  type Expr,
  index,
  load,
  mul,
  select,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { tensorOf } from '../ir/tensor.ts';
import { times } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import {
  knowsRounding,
  knowsTransform,
  nearestTable,
  outsideTable,
  type ResizeAxis,
  type ResizeStyle,
  tableSize,
  tapTable,
} from './resize-axis.ts';
import { checkTable } from './tables.ts';

type Context = InferContext | LowerContext;

/** Contents of optional input i; absent when it is missing or empty. */
function given(c: Context, i: number): number[] | null {
  if (!c.has(i) || (c.rank(i) === 1 && c.shape(i)[0] === 0)) return null;
  return c.numbers(i);
}

function resizedAxes(c: Context): number[] {
  const rank = c.rank(0);
  const axes = c.ints('axes') ?? Array.from({ length: rank }, (_, i) => i);
  const result = axes.map((a) => c.axis(a, rank));
  if (new Set(result).size !== result.length) c.fail(`axes [${axes}] repeat an axis`);
  return result;
}

interface Target {
  readonly output: number;
  readonly scale: number;
}

function fromScales(c: Context, input: readonly number[], scales: readonly number[]): Target[] {
  if (scales.some((s) => !(s > 0) || s > 2 ** 31)) c.fail(`scales [${scales}] are not all positive`);
  return input.map((d, i) => ({
    output: Math.floor(Math.fround(scales[i] * d)),
    scale: scales[i],
  }));
}

function fromSizes(c: Context, input: readonly number[], sizes: readonly number[]): Target[] {
  const policy = c.string('keep_aspect_ratio_policy', 'stretch');
  if (sizes.some((s) => s < 0)) c.fail(`sizes [${sizes}] are negative`);
  const scales = input.map((d, i) => (d === 0 ? 1 : sizes[i] / d));
  if (policy === 'stretch') {
    return input.map((_, i) => ({ output: sizes[i], scale: Math.fround(scales[i]) }));
  }
  if (policy !== 'not_larger' && policy !== 'not_smaller') {
    return c.fail(`keep_aspect_ratio_policy ${policy} is not defined`);
  }
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  return input.map((d) => ({ output: Math.floor(scale * d + 0.5), scale: Math.fround(scale) }));
}

/** The resized axes with their extents; axes that stay as they are are left out. */
function plan(c: Context): Map<number, ResizeAxis> {
  const axes = resizedAxes(c);
  const input = axes.map((a) => c.shape(0)[a]);
  const [roi, scales, sizes] = [given(c, 1), given(c, 2), given(c, 3)];
  if (!scales === !sizes) c.fail('exactly one of scales and sizes must be given');
  const asked = scales ?? sizes!;
  if (asked.length !== axes.length) c.fail(`${asked.length} scales or sizes for ${axes.length} axes`);
  const targets = scales ? fromScales(c, input, scales) : fromSizes(c, input, asked);
  const crops = c.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
  if (crops && roi?.length !== 2 * axes.length) c.fail('tf_crop_and_resize needs a roi of two values per axis');
  const result = new Map<number, ResizeAxis>();
  for (const [i, axis] of axes.entries()) {
    const { output, scale } = targets[i];
    if (input[i] === 0 && output > 0) c.fail(`axis ${axis} of extent 0 cannot grow to ${output}`);
    const region: [number, number] = crops ? [roi![i], roi![i + axes.length]] : [0, 1];
    const same = output === input[i] && Math.abs(scale - 1) < 1e-9 && region[0] === 0 && region[1] === 1;
    if (!same) result.set(axis, { input: input[i], output, scale, roi: region });
  }
  return result;
}

function styleOf(c: Context): ResizeStyle {
  const mode = c.string('mode', 'nearest');
  const transform = c.string('coordinate_transformation_mode', 'half_pixel');
  const nearest = c.string('nearest_mode', 'round_prefer_floor');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'cubic') c.fail(`mode ${mode} is not defined`);
  if (!knowsTransform(transform)) c.fail(`coordinate_transformation_mode ${transform} is not defined`);
  if (!knowsRounding(nearest)) c.fail(`nearest_mode ${nearest} is not defined`);
  const antialias = c.int('antialias', 0) !== 0;
  if (antialias && mode === 'nearest') c.fail('antialias needs linear or cubic interpolation');
  return {
    mode: mode as ResizeStyle['mode'],
    transform,
    nearest,
    antialias,
    cubicA: c.float('cubic_coeff_a', -0.75),
    excludeOutside: c.int('exclude_outside', 0) !== 0,
  };
}

/** An index looked up in a table; regular tables become arithmetic. */
function lookUp(c: LowerContext, table: readonly number[]): (i: Expr) => Expr {
  const step = table.length > 1 ? table[1] - table[0] : 1;
  if (table.every((v, i) => v === i * step)) return (i) => (step === 0 ? index(0) : times(i, step));
  const repeat = table.indexOf(1);
  if (repeat > 0 && table.every((v, i) => v === Math.floor(i / repeat))) {
    return (i) => div(i, index(repeat));
  }
  const t = c.b.constant(tensorOf('i32', [table.length], table));
  return (i) => load(t, [i]);
}

/** `value`, or the extrapolation value where output position i of the axis lies outside. */
function extrapolate(c: LowerContext, a: ResizeAxis, style: ResizeStyle): (value: Expr, i: Expr) => Expr {
  const outside = outsideTable(a, style);
  if (!outside.includes(true)) return (value) => value;
  const t = c.b.constant(tensorOf('bool', [a.output], outside.map(Number)));
  return (value, i) => {
    const fill = cast(value.dtype, constant('f32', c.float('extrapolation_value', 0)));
    return select(load(t, [i]), fill, value);
  };
}

function nearest(c: LowerContext, axes: ReadonlyMap<number, ResizeAxis>, style: ResizeStyle): TileTensor {
  const x = c.tensor(0);
  const rows = [...axes].map(([axis, a]) => ({
    axis,
    at: lookUp(c, nearestTable(a, style)),
    limit: extrapolate(c, a, style),
  }));
  return c.b.map(x.dtype, c.outShape(), (ix) => {
    const from = [...ix];
    for (const r of rows) from[r.axis] = r.at(ix[r.axis]);
    return rows.reduce((value, r) => r.limit(value, ix[r.axis]), load(x, from));
  });
}

/** One axis of linear or cubic interpolation; `last` stores in the type of the result. */
function interpolate(
  c: LowerContext,
  x: TileTensor,
  axis: number,
  a: ResizeAxis,
  style: ResizeStyle,
  last: boolean,
): TileTensor {
  const kind: ComputeType = computeType(c.outDtype()) === 'f64' ? 'f64' : 'f32';
  const taps = tapTable(a, style);
  const at = c.b.constant(tensorOf('i32', [a.output, taps.count], taps.at));
  const weights = c.b.constant(tensorOf(kind, [a.output, taps.count], taps.weights));
  const limit = extrapolate(c, a, style);
  const dtype = last ? c.outDtype() : kind;
  const shape = x.shape.map((d, i) => (i === axis ? a.output : d));
  const tap = (ix: Indices, k: Expr): Expr => {
    const from = load(at, [ix[axis], k]);
    return mul(cast(kind, load(x, ix.with(axis, from))), load(weights, [ix[axis], k]));
  };
  const finish = (total: Expr, ix: Indices): Expr => cast(computeType(dtype), limit(total, ix[axis]));
  // Two taps are less than a loop over them.
  if (taps.count === 2) return c.b.map(dtype, shape, (ix) => finish(add(tap(ix, index(0)), tap(ix, index(1))), ix));
  return c.b.reduce(
    dtype,
    shape,
    [taps.count],
    sum(kind),
    (ix, [k]) => tap(ix, k),
    ([total], ix) => finish(total, ix),
  );
}

export const Resize = op({
  name: 'Resize',
  inputs: [1, 4],
  since: 19,
  types: { 1: ['f16', 'f32', 'f64'], 2: ['f32'], 3: ['i64'] },
  infer: (c) => {
    const { mode } = styleOf(c);
    if (mode !== 'nearest' && c.dtype(0) === 'bool') c.fail('bool has no interpolation', undefined, 'UNSUPPORTED_TYPE');
    const axes = plan(c);
    for (const a of axes.values()) checkTable(c, tableSize(a, styleOf(c)));
    return [
      c.tensor(
        c.dtype(0),
        c.shape(0).map((d, i) => axes.get(i)?.output ?? d),
      ),
    ];
  },
  lower: (c) => {
    const style = styleOf(c);
    const axes = plan(c);
    if (style.mode === 'nearest' || c.outShape().includes(0)) return [nearest(c, axes, style)];
    // Shrinking axes first: what comes between is then smallest.
    const order = [...axes].sort(([, a], [, b]) => a.output / a.input - b.output / b.input);
    let x = c.tensor(0);
    for (const [i, [axis, a]] of order.entries()) {
      x = interpolate(c, x, axis, a, style, i === order.length - 1);
    }
    return [order.length === 0 ? c.b.view(x, c.outShape()) : x];
  },
});
