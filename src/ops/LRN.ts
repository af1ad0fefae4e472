// ONNX LRN since 1: x / (bias + alpha / size * sum of squares of `size` neighbouring channels)^beta.
import {
  add,
  and,
  computeType,
  constant,
  div,
  type Expr,
  ge,
  guardedLoad,
  index,
  load,
  lt,
  mul,
  pow,
  sqrt,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { plus } from './index-math.ts';
import { op } from './op.ts';

/** The usual exponent takes two roots. */
function power(base: Expr, beta: number): Expr {
  const root = sqrt(base);
  return beta === 0.75 ? mul(root, sqrt(root)) : pow(base, constant(base.dtype, beta));
}

export const LRN = op({
  name: 'LRN',
  types: { 0: FLOATS },
  infer: (c) => {
    if (c.rank(0) < 2) c.fail(`input has rank ${c.rank(0)}, expected at least 2`);
    if (c.int('size', 0) < 1) c.fail(`size is ${c.int('size', 0)}, expected at least 1`);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const dtype = computeType(x.dtype);
    const size = c.int('size', 1);
    const number = (value: number) => constant(dtype, value);
    const weight = number(c.float('alpha', 1e-4) / size);
    const channels = x.shape[1];
    // Neighbours further away than there are channels do not exist.
    const most = Math.max(channels - 1, 0);
    const before = Math.min(Math.floor((size - 1) / 2), most);
    const after = Math.min(Math.ceil((size - 1) / 2), most);
    return [
      c.b.reduce(
        x.dtype,
        x.shape,
        [before + after + 1],
        sum(dtype),
        ([n, m, ...at], [r]) => {
          const near = plus(add(m, r), -before);
          const guard = and(ge(near, index(0)), lt(near, index(channels)));
          const e = guardedLoad(x, [n, near, ...at], guard, number(0));
          return mul(e, e);
        },
        ([total], ix) => {
          const base = add(number(c.float('bias', 1)), mul(weight, total));
          return div(load(x, ix), power(base, c.float('beta', 0.75)));
        },
      ),
    ];
  },
});
