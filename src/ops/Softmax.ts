// ONNX Softmax since 13: exp(x - max) / sum along one axis. `coerce2d` marks the form before 13,
// where all axes from `axis` on are one.
import { computeType, div, exp, load, sub } from '../3-tile/expr.ts';
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
    const s = axisReduce(b, e, axis, sum(dtype), (ix) => load(e, ix));
    return [
      b.view(
        b.map(x.dtype, x.shape, (ix) => div(load(e, ix), load(s, keepAt(ix, axis)))),
        c.outShape(),
      ),
    ];
  },
});
