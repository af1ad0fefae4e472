// ONNX LpNormalization since 1: x over its L1 or L2 norm along one axis; 0 where the norm is 0.
import { abs, computeType, div, eq, load, mul, select, sqrt } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { keptAt, reduceKept } from './reduce.ts';
import { like } from './scalar-math.ts';

export const LpNormalization = op({
  name: 'LpNormalization',
  types: { 0: FLOATS },
  infer: (c) => {
    c.axis(c.int('axis', -1), c.rank(0));
    if (![1, 2].includes(c.int('p', 2))) c.fail(`p is ${c.int('p', 2)}, expected 1 or 2`);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const axes = [c.axis(c.int('axis', -1), x.shape.length)];
    const t = computeType(x.dtype);
    const square = c.int('p', 2) === 2;
    const norm = reduceKept(
      c,
      t,
      x,
      axes,
      sum(t),
      (ix) => {
        const e = load(x, ix);
        return square ? mul(e, e) : abs(e);
      },
      ([s]) => (square ? sqrt(s) : s),
    );
    return [
      c.b.map(x.dtype, x.shape, (ix) => {
        const n = load(norm, keptAt(ix, axes));
        return select(eq(n, like(n, 0)), like(n, 0), div(load(x, ix), n));
      }),
    ];
  },
});
