// ONNX RoiAlign since 16: regions resampled to a fixed size; each output bin averages (or takes the
// largest of) bilinear samples on a grid inside it. Without sampling_ratio the grid depends on the
// region, so the bins are filled by loops.
import {
  add,
  and,
  cast,
  ceil,
  computeType,
  constant,
  div,
  type Expr,
  ge,
  gt,
  index,
  le,
  load,
  lt,
  max,
  min,
  mul,
  not,
  or,
  select,
  sub,
  trunc,
} from '../3-tile/expr.ts';
import { all } from '../3-tile/monoids.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { sameExtent } from './convolution.ts';
import { FLOATS } from './elementwise.ts';
import { clampIndex } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import { loopNest, type Variable, variable } from './statements.ts';

type Float = 'f32' | 'f64';

/** Per axis (y, x): where a region starts, the size of a bin, the samples per bin. */
interface Region {
  readonly start: Variable;
  readonly bin: Variable;
  readonly grid: Variable;
}

function regions(dtype: Float): Region[] {
  return ['y', 'x'].map((name) => ({
    start: variable(`start_${name}`, dtype),
    bin: variable(`bin_${name}`, dtype),
    grid: variable(`grid_${name}`, 'i32'),
  }));
}

/** Samples per bin and axis: a region that needs more fails the run. */
const MOST_SAMPLES = 4096;

/** Where region r starts on an axis (0: y, 1: x) and the size of its bins. */
function extentOf(c: LowerContext, r: Expr, axis: number, dtype: Float): { start: Expr; bin: Expr } {
  const number = (v: number): Expr => constant(dtype, v);
  const half = c.string('coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const scale = number(c.float('spatial_scale', 1));
  const pooled = c.outShape()[2 + axis];
  const corner = (k: number): Expr => sub(mul(load(c.tensor(1), [r, index(k)]), scale), number(half ? 0.5 : 0));
  const [low, high] = [corner(1 - axis), corner(3 - axis)];
  const length = half ? sub(high, low) : max(sub(high, low), number(1));
  return { start: low, bin: div(length, number(pooled)) };
}

function measure(c: LowerContext, r: Expr, dtype: Float, regionOf: readonly Region[]): readonly Stmt[] {
  const ratio = c.int('sampling_ratio', 0);
  const most = constant(dtype, MOST_SAMPLES);
  return regionOf.flatMap((g, axis) => {
    const { start, bin } = extentOf(c, r, axis, dtype);
    const grid = ratio > 0 ? index(ratio) : cast('i32', min(ceil(g.bin.read), most));
    return [g.start.set(start), g.bin.set(bin), g.grid.set(grid)];
  });
}

/** Fails the run where a region names no sample, or is too large to be sampled. */
function checkRegions(c: LowerContext, dtype: Float): void {
  const { b } = c;
  const [n, count] = [c.shape(0)[0], c.shape(1)[0]];
  if (count === 0) return;
  const valid = (e: Expr): Expr => and(ge(e, constant('i64', 0)), le(e, constant('i64', n - 1)));
  b.check(
    b.reduce('bool', [], [count], all(), (_, ix) => valid(load(c.tensor(2), ix))),
    'a batch index is out of range',
  );
  if (c.int('sampling_ratio', 0) > 0) return;
  const fits = (r: Expr, axis: number): Expr => not(gt(extentOf(c, r, axis, dtype).bin, constant(dtype, MOST_SAMPLES)));
  b.check(
    b.reduce('bool', [], [count], all(), (_, [r]) => and(fits(r, 0), fits(r, 1))),
    `a region spans more than ${MOST_SAMPLES} positions per bin`,
  );
}

interface Sample {
  readonly low: Expr;
  readonly high: Expr;
  readonly part: Expr;
  readonly outside: Expr;
}

/** Neighbours of a coordinate on an axis of `extent` positions. */
function sampleAt(x: Expr, extent: number): Sample {
  const number = (v: number): Expr => constant(x.dtype, v);
  const outside = or(lt(x, number(-1)), gt(x, number(extent)));
  const inside = max(x, number(0));
  const whole = min(trunc(inside), number(extent - 1));
  const low = clampIndex(cast('i32', whole), extent);
  const atEnd = ge(whole, number(extent - 1));
  return {
    low,
    high: clampIndex(add(low, index(1)), extent),
    outside,
    part: select(atEnd, number(0), sub(inside, whole)),
  };
}

/** A neighbour of a point, the same in every channel. */
interface Neighbour {
  readonly y: Variable;
  readonly x: Variable;
  readonly weight: Variable;
}

const neighbours = (dtype: Float): Neighbour[] =>
  Array.from({ length: 4 }, (_, k) => ({
    y: variable(`y${k}`, 'i32'),
    x: variable(`x${k}`, 'i32'),
    weight: variable(`weight${k}`, dtype),
  }));

/** Where the four neighbours of a point lie, and how much each counts. */
function locate(four: readonly Neighbour[], sy: Sample, sx: Sample): readonly Stmt[] {
  const one = constant(sy.part.dtype, 1);
  const pair = (s: Sample): [Expr, Expr][] => [
    [s.low, sub(one, s.part)],
    [s.high, s.part],
  ];
  const all = pair(sy).flatMap(([y, wy]) => pair(sx).map(([x, wx]) => [y, x, mul(wy, wx)] as const));
  return all.flatMap(([y, x, weight], k) => [four[k].y.set(y), four[k].x.set(x), four[k].weight.set(weight)]);
}

/** Fills one bin in all channels: samples outermost, so that each is located once. `totals`: one per channel. */
function fillBin(
  c: LowerContext,
  regionOf: readonly Region[],
  sample: Expr,
  bin: readonly Expr[],
  totals: TileTensor,
  dtype: Float,
): readonly Stmt[] {
  const x = c.tensor(0);
  const channels = x.shape[1];
  const zero = constant(dtype, 0);
  const isMax = c.string('mode', 'avg') === 'max';
  const point = (axis: number, i: Expr): Expr => {
    const { start, bin: size, grid } = regionOf[axis];
    const inner = div(mul(add(cast(dtype, i), constant(dtype, 0.5)), size.read), cast(dtype, grid.read));
    return add(add(start.read, mul(cast(dtype, bin[axis]), size.read)), inner);
  };
  const [first, outside] = [variable('first', 'bool'), variable('outside', 'bool')];
  const four = neighbours(dtype);
  const [gy, gx] = regionOf.map((g) => g.grid.read);
  const each = (body: (m: Expr) => readonly Stmt[]): Stmt => loopFrom(0, channels, body);
  const weighted = (m: Expr): Expr[] =>
    four.map((k) => mul(k.weight.read, cast(dtype, load(x, [sample, m, k.y.read, k.x.read]))));
  const samples = loopFrom(0, gy, (iy) => [
    loopFrom(0, gx, (ix) => {
      const [sy, sx] = [sampleAt(point(0, iy), x.shape[2]), sampleAt(point(1, ix), x.shape[3])];
      const joined = (m: Expr): Expr => {
        const before = load(totals, [m]);
        const value = select(outside.read, zero, weighted(m).reduce(isMax ? max : add));
        return isMax ? select(first.read, value, max(before, value)) : add(before, value);
      };
      return [
        outside.set(or(sy.outside, sx.outside)),
        ...locate(four, sy, sx),
        each((m) => [store(totals, [m], joined(m))]),
        first.set(constant('bool', 0)),
      ];
    }),
  ]);
  const count = cast(dtype, max(mul(gy, gx), index(1)));
  const finish = (m: Expr): Stmt => store(totals, [m], div(load(totals, [m]), count));
  return [
    each((m) => [store(totals, [m], zero)]),
    first.set(constant('bool', 1)),
    samples,
    ...(isMax ? [] : [each((m) => [finish(m)])]),
  ];
}

function check(c: InferContext): void {
  const [x, rois, batch] = [c.dims(0), c.dims(1), c.dims(2)];
  if (x.length !== 4 || rois.length !== 2 || batch.length !== 1)
    c.fail(`ranks are ${x.length}, ${rois.length} and ${batch.length}, expected 4, 2 and 1`);
  sameExtent(c, 'values of a region', rois[1], 4);
  sameExtent(c, 'batch_indices', batch[0], rois[0]);
  if (!['avg', 'max'].includes(c.string('mode', 'avg'))) c.fail('mode is not avg or max');
  const mode = c.string('coordinate_transformation_mode', 'half_pixel');
  if (mode !== 'half_pixel' && mode !== 'output_half_pixel') c.fail('coordinate_transformation_mode is not defined');
  if (c.int('output_height', 1) < 1 || c.int('output_width', 1) < 1) c.fail('the output size is not positive');
  const ratio = c.int('sampling_ratio', 0);
  if (ratio < 0 || ratio > MOST_SAMPLES) c.fail(`sampling_ratio is ${ratio}, expected 0 to ${MOST_SAMPLES}`);
  if ((x[2] === 0 || x[3] === 0) && rois[0] !== 0) c.fail('samples an empty input');
}

export const RoiAlign = op({
  name: 'RoiAlign',
  inputs: [3, 3],
  since: 16,
  types: { 0: FLOATS, 1: FLOATS, 2: ['i64'] },
  infer: (c) => {
    check(c);
    if (c.dtype(1) !== c.dtype(0)) {
      c.fail('rois have another type than the input', undefined, 'UNSUPPORTED_TYPE');
    }
    return [c.tensor(c.dtype(0), [c.dims(1)[0], c.dims(0)[1], c.int('output_height', 1), c.int('output_width', 1)])];
  },
  lower: (c) => {
    const { b } = c;
    const [x, rois, batch] = [c.tensor(0), c.tensor(1), c.tensor(2)];
    const dtype: Float = computeType(x.dtype) === 'f64' ? 'f64' : 'f32';
    const out = b.alloc(x.dtype, c.outShape());
    const [count, channels, height, width] = c.outShape();
    const regionOf = regions(dtype);
    const totals = b.alloc(dtype, [channels]);
    const n = x.shape[0];
    checkRegions(c, dtype);
    b.routine(
      [x, rois, batch],
      [out, totals],
      [
        loopFrom(0, count, (r) => [
          ...measure(c, r, dtype, regionOf),
          ...loopNest([height, width], (bin) => {
            const sample = clampIndex(cast('i32', load(batch, [r])), n);
            return [
              ...fillBin(c, regionOf, sample, bin, totals, dtype),
              loopFrom(0, channels, (m) => [store(out, [r, m, ...bin], load(totals, [m]))]),
            ];
          }),
        ]),
      ],
    );
    return [out];
  },
});
