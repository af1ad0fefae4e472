// ONNX LogSoftmax since 13: x - max - log(sum(exp(x - max))) along one axis.
import { computeType, exp, load, log, sub } from '../3-tile/expr.ts';
import { maximum, sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { axisReduce, keepAt, softmaxView } from './softmax-axes.ts';

export const LogSoftmax = op({
  name: 'LogSoftmax',
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
    const d = b.map(dtype, x.shape, (ix) => sub(load(x, ix), load(m, keepAt(ix, axis))));
    const s = axisReduce(b, d, axis, sum(dtype), (ix) => exp(load(d, ix)));
    return [
      b.view(
        b.map(x.dtype, x.shape, (ix) => sub(load(d, ix), log(load(s, keepAt(ix, axis))))),
        c.outShape(),
      ),
    ];
  },
});
