// ONNX Softmax since 13: exp(x - max) times 1 / sum along one axis: one division per row. `coerce2d`
// marks the form before 13, where all axes from `axis` on are one.
import { computeType, constant, div, type Expr, exp, load, mul, sub } from '../3-tile/expr.ts';
import { maximum, sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { axisReduce, keepAt, softmaxView } from './softmax-axes.ts';

export const Softmax = op({
  name: 'Softmax',
  types: { 0: FLOATS },
  infer: (c) => {
    if (c.rank(0) > 0) c.axis(c.int('axis', c.int('coerce2d', 0) ? 1 : -1), c.rank(0));
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const { b } = c;
    const { x, axis } = softmaxView(c);
    const dtype = computeType(x.dtype);
    const m = axisReduce(b, x, axis, maximum(dtype), (ix) => load(x, ix));
    const e = b.map(dtype, x.shape, (ix) => exp(sub(load(x, ix), load(m, keepAt(ix, axis)))));
    const share = ([total]: readonly Expr[]): Expr => div(constant(dtype, 1), total);
    const r = axisReduce(b, e, axis, sum(dtype), (ix) => load(e, ix), share);
    const y = b.map(x.dtype, x.shape, (ix) => mul(load(e, ix), load(r, keepAt(ix, axis))));
    return [b.view(y, c.outShape())];
  },
});
