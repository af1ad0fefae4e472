// ONNX MaxRoiPool since 1: the largest element of each bin of rounded regions [sample, x1, y1, x2, y2].
// Bins depend on the data, so they are filled by loops; an empty bin gives 0.
import {
  add,
  and,
  cast,
  ceil,
  computeType,
  constant,
  div,
  type Expr,
  floor,
  ge,
  index,
  load,
  lt,
  max,
  min,
  mul,
  select,
  sub,
} from '../3-tile/expr.ts';
import { all, lowest } from '../3-tile/monoids.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import { sameExtent } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { clampIndex } from './index-math.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';
import { loopNest, variable } from './statements.ts';

type Float = 'f32' | 'f64';

/** First and past-the-last input position of a bin on one axis. */
function bounds(
  c: LowerContext,
  rois: TileTensor,
  r: Expr,
  axis: 0 | 1,
  bin: Expr,
  pooled: number,
  dtype: Float,
): [Expr, Expr] {
  const number = (v: number): Expr => constant(dtype, v);
  const scale = number(c.float('spatial_scale', 1));
  const corner = (k: number): Expr => floor(add(mul(load(rois, [r, index(k)]), scale), number(0.5)));
  const [low, high] = [corner(2 - axis), corner(4 - axis)];
  const size = div(max(add(sub(high, low), number(1)), number(1)), number(pooled));
  const edge = (e: Expr): Expr => {
    const limited = min(max(add(e, low), number(0)), number(c.shape(0)[2 + axis]));
    return cast('i32', limited);
  };
  const at = cast(dtype, bin);
  return [edge(floor(mul(at, size))), edge(ceil(mul(add(at, number(1)), size)))];
}

export const MaxRoiPool = op({
  name: 'MaxRoiPool',
  inputs: [2, 2],
  types: { 0: FLOATS, 1: FLOATS },
  infer: (c) => {
    sameTypes(c);
    if (c.rank(0) !== 4 || c.rank(1) !== 2) c.fail(`ranks are ${c.rank(0)} and ${c.rank(1)}, expected 4 and 2`);
    sameExtent(c, 'values of a region', c.dims(1)[1], 5);
    const pooled = c.ints('pooled_shape') ?? [];
    if (pooled.length !== 2 || pooled.some((d) => d < 1))
      c.fail(`pooled_shape is [${pooled}], expected two positive extents`);
    return [c.tensor(c.dtype(0), [c.dims(1)[0], c.dims(0)[1], ...pooled])];
  },
  lower: (c) => {
    const { b } = c;
    const [x, rois] = [c.tensor(0), c.tensor(1)];
    const dtype: Float = computeType(x.dtype) === 'f64' ? 'f64' : 'f32';
    const out = b.alloc(x.dtype, c.outShape());
    const [, , height, width] = c.outShape();
    const best = variable('best', dtype);
    const least = constant(dtype, lowest(dtype));
    const sampleOf = (r: Expr): Expr => load(rois, [r, index(0)]);
    if (rois.shape[0] > 0) {
      const valid = (e: Expr): Expr => and(ge(e, constant(dtype, 0)), lt(e, constant(dtype, x.shape[0])));
      b.check(
        b.reduce('bool', [], [rois.shape[0]], all(), (_, [r]) => valid(sampleOf(r))),
        'a region names no sample',
      );
    }
    b.routine(
      [x, rois],
      [out],
      loopNest(c.outShape(), ([r, m, py, px]) => {
        const [top, bottom] = bounds(c, rois, r, 0, py, height, dtype);
        const [left, right] = bounds(c, rois, r, 1, px, width, dtype);
        const sample = clampIndex(cast('i32', sampleOf(r)), x.shape[0]);
        const empty = lt(mul(max(sub(bottom, top), index(0)), max(sub(right, left), index(0))), index(1));
        return [
          best.set(least),
          loopFrom(top, bottom, (iy) => [
            loopFrom(left, right, (ix) => [best.set(max(best.read, load(x, [sample, m, iy, ix])))]),
          ]),
          store(out, [r, m, py, px], select(empty, constant(dtype, 0), best.read)),
        ];
      }),
    );
    return [out];
  },
});
