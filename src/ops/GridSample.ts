// ONNX GridSample since 20: the input interpolated at coordinates that a grid gives, normalised to
// -1 … 1 and in reverse order of the axes. Positions outside read zeros, the border, or a mirror.

import {
  add,
  cast,
  computeType,
  constant,
  div,
  type Expr,
  floor,
  gt,
  index,
  load,
  lt,
  max,
  min,
  mul,
  nearest,
  or,
  select,
  sub,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { isStatic } from '../ir/dim.ts';
import { sameExtent } from './convolution.ts';
import { FLOATS, NUMERIC } from './elementwise.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import {
  type Border,
  type Interpolation,
  neighbour,
  type Padding,
  paddedLoad,
  reflect,
  TAPS,
  weightOf,
} from './sampling.ts';

const MODES: ReadonlyMap<string, Interpolation> = new Map([
  ['linear', 'linear'],
  ['bilinear', 'linear'],
  ['nearest', 'nearest'],
  ['cubic', 'cubic'],
  ['bicubic', 'cubic'],
]);
const PADDINGS: readonly string[] = ['zeros', 'border', 'reflection'];

interface Style {
  readonly mode: Interpolation;
  readonly padding: Padding;
  readonly corners: boolean;
}

function styleOf(c: InferContext | LowerContext): Style {
  const mode = MODES.get(c.string('mode', 'linear')) ?? c.fail('mode is not nearest, linear or cubic');
  const padding = c.string('padding_mode', 'zeros');
  if (!PADDINGS.includes(padding)) c.fail('padding_mode is not zeros, border or reflection');
  return { mode, padding: padding as Padding, corners: c.int('align_corners', 0) !== 0 };
}

/** Coordinate of a normalised one on an axis, moved inside where the padding asks for it. */
function position(n: Expr, extent: number, style: Style, border: Border): Expr {
  const number = (v: number): Expr => constant(n.dtype, v);
  const up = add(n, number(1));
  const raw = style.corners
    ? mul(div(up, number(2)), number(extent - 1))
    : div(sub(mul(up, number(extent)), number(1)), number(2));
  const x = style.mode === 'nearest' ? nearest(raw) : raw;
  const outside = or(lt(x, number(border.low)), gt(x, number(border.high)));
  if (style.padding === 'border') {
    return select(outside, max(min(x, number(extent - 1)), number(0)), x);
  }
  return style.padding === 'reflection' ? reflect(x, border) : x;
}

/** Coordinates [N, points, axes] in the order of the input's axes. */
function positions(c: LowerContext, style: Style, borders: readonly Border[]): TileTensor {
  const extents = c.shape(0).slice(2);
  const d = extents.length;
  const [n, ...rest] = c.shape(1);
  const points = rest.slice(0, -1).reduce((p, e) => p * e, 1);
  const grid = c.b.view(c.tensor(1), [n, points, d]);
  const dtype = computeType(grid.dtype) === 'f64' ? 'f64' : 'f32';
  const out = c.b.alloc(dtype, [d, n, points]);
  for (const [k, extent] of extents.entries()) {
    c.b.write(
      out,
      [n, points],
      ([i, p]) => [index(k), i, p],
      ([i, p]) => position(cast(dtype, load(grid, [i, p, index(d - 1 - k)])), extent, style, borders[k]),
    );
  }
  return out;
}

export const GridSample = op({
  name: 'GridSample',
  inputs: [2, 2],
  since: 20,
  types: { 0: NUMERIC, 1: FLOATS },
  infer: (c) => {
    styleOf(c);
    const [x, grid] = [c.dims(0), c.dims(1)];
    if (x.length < 3 || grid.length !== x.length) c.fail(`input and grid have ranks ${x.length} and ${grid.length}`);
    sameExtent(c, 'batch of the grid', grid[0], x[0]);
    sameExtent(c, 'coordinates of the grid', grid[grid.length - 1], x.length - 2);
    const empty = x.slice(2).some((d) => isStatic(d) && d === 0);
    if (empty && !grid.includes(0)) c.fail('samples an empty input');
    return [c.tensor(c.dtype(0), [x[0], x[1], ...grid.slice(1, -1)])];
  },
  lower: (c) => {
    const style = styleOf(c);
    const x = c.tensor(0);
    const [n, channels, ...extents] = x.shape;
    const borders = extents.map((d) => (style.corners ? { low: 0, high: d - 1 } : { low: -0.5, high: d - 0.5 }));
    const at = positions(c, style, borders);
    const points = at.shape[2];
    const taps = extents.map(() => TAPS[style.mode]);
    const wide = computeType(x.dtype) === 'f64' ? 'f64' : 'f32';
    const out = c.b.reduce(
      x.dtype,
      [n, channels, points],
      taps,
      sum(wide),
      ([i, m, p], offsets) => {
        const where = extents.map((_, k) => load(at, [index(k), i, p]));
        const from = where.map((e, k) => neighbour(style.mode, e, offsets[k]));
        const value = cast(wide, paddedLoad(x, [i, m], from, style.padding, borders));
        if (style.mode === 'nearest') return value;
        const weights = where.map((e, k) => cast(wide, weightOf(style.mode, sub(e, floor(e)), offsets[k])));
        return mul(
          value,
          weights.reduce((a, w) => mul(a, w)),
        );
      },
      ([total]) => cast(computeType(x.dtype), total),
    );
    return [c.b.view(out, c.outShape())];
  },
});
