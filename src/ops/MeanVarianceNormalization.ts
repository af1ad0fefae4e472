// ONNX MeanVarianceNormalization since 9: (x - mean) / (deviation + 1e-9) over the given axes.
import { add, computeType, div, load, mul, sqrt, sub } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { normalAxes } from './moves.ts';
import { op } from './op.ts';
import { keptAt, reduceKept } from './reduce.ts';
import { like } from './scalar-math.ts';

const DEFAULT_AXES: readonly number[] = [0, 2, 3];

export const MeanVarianceNormalization = op({
  name: 'MeanVarianceNormalization',
  since: 9,
  types: { 0: FLOATS },
  infer: (c) => {
    normalAxes(c, c.ints('axes') ?? DEFAULT_AXES, c.rank(0));
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const axes = normalAxes(c, c.ints('axes') ?? DEFAULT_AXES, x.shape.length).sort((a, b) => a - b);
    const t = computeType(x.dtype);
    const count = axes.reduce((n, a) => n * x.shape[a], 1);
    const mean = reduceKept(
      c,
      t,
      x,
      axes,
      sum(t),
      (ix) => load(x, ix),
      ([s]) => div(s, like(s, count)),
    );
    const centred = c.b.map(t, x.shape, (ix) => sub(load(x, ix), load(mean, keptAt(ix, axes))));
    const deviation = reduceKept(
      c,
      t,
      centred,
      axes,
      sum(t),
      (ix) => mul(load(centred, ix), load(centred, ix)),
      ([s]) => add(sqrt(div(s, like(s, count))), like(s, 1e-9)),
    );
    return [c.b.map(x.dtype, x.shape, (ix) => div(load(centred, ix), load(deviation, keptAt(ix, axes))))];
  },
});
