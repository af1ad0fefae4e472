// ONNX BatchNormalization since 14: (x - mean) / sqrt(var + epsilon) * scale + bias per channel. In
// training mode mean and variance are those of the batch, and running values are given back.
import {
  add,
  type ComputeType,
  cast,
  computeType,
  constant,
  div,
  type Expr,
  load,
  mul,
  sqrt,
  sub,
} from '../3-tile/expr.ts';
import { checkChannelVector } from './convolution.ts';
import { FLOATS } from './elementwise.ts';
import { loadAs, type Moments, moments } from './moments.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';

const training = (c: { int(name: string, fallback: number): number }): boolean => c.int('training_mode', 0) !== 0;

/** The input as [N, C, rest]; a vector has one channel. */
function planes(c: LowerContext): TileTensor {
  const [n, channels = 1, ...spatial] = c.shape(0);
  return c.b.view(c.tensor(0), [n, channels, spatial.reduce((p, d) => p * d, 1)]);
}

/** Per channel: scale / sqrt(variance + epsilon). */
function factors(c: LowerContext, dtype: ComputeType, variance: TileTensor): TileTensor {
  const epsilon = constant(dtype, c.float('epsilon', 1e-5));
  return c.b.map(dtype, variance.shape, (ix) => {
    const deviation = sqrt(add(loadAs(dtype, variance, ix), epsilon));
    return div(loadAs(dtype, c.tensor(1), ix), deviation);
  });
}

/** Running value: old * momentum + batch * (1 - momentum). */
function running(c: LowerContext, output: number, batch: TileTensor): TileTensor | null {
  if (!c.wants(output)) return null;
  const momentum = c.float('momentum', 0.9);
  const old = c.tensor(output + 2);
  const dtype = computeType(old.dtype);
  const weighted = (e: Expr, weight: number): Expr => mul(e, constant(dtype, weight));
  return c.b.map(old.dtype, old.shape, (ix) =>
    add(weighted(load(old, ix), momentum), weighted(loadAs(dtype, batch, ix), 1 - momentum)),
  );
}

export const BatchNormalization = op({
  name: 'BatchNormalization',
  inputs: [5, 5],
  outputs: [1, 3],
  since: 14,
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS, 4: FLOATS },
  infer: (c) => {
    const dims = c.dims(0);
    if (dims.length === 0) c.fail('input is a scalar, expected at least one axis');
    const channels = dims.length === 1 ? 1 : dims[1];
    const names = ['', 'scale', 'bias', 'mean', 'variance'];
    for (const i of [1, 2, 3, 4]) checkChannelVector(c, i, channels, names[i]);
    if (c.numOutputs > 1 && !training(c)) c.fail('running statistics are outputs of training mode only');
    return [c.tensor(c.dtype(0), dims), c.tensor(c.dtype(3), c.dims(3)), c.tensor(c.dtype(4), c.dims(4))];
  },
  lower: (c) => {
    const { b } = c;
    const x = planes(c);
    const dtype = computeType(x.dtype);
    const [n, channels, rest] = x.shape;
    const used: Moments = training(c)
      ? moments(b, dtype, [channels], [n, rest], ([m], [i, j]) => load(x, [i, m, j]))
      : { mean: c.tensor(3), variance: c.tensor(4) };
    const factor = factors(c, dtype, used.variance);
    const y = b.map(x.dtype, x.shape, ([i, m, j]) => {
      const deviation = sub(load(x, [i, m, j]), loadAs(dtype, used.mean, [m]));
      return add(mul(deviation, load(factor, [m])), cast(dtype, load(c.tensor(2), [m])));
    });
    return [b.view(y, c.outShape()), running(c, 1, used.mean), running(c, 2, used.variance)];
  },
});
