// ONNX SwiGLU since 28: a * sigmoid(alpha * a) * b, for operands of one shape.
import { computeType, constant, load, mul, sigmoid } from '../3-tile/expr.ts';
import { sameExtent } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { op } from './op.ts';

export const SwiGLU = op({
  name: 'SwiGLU',
  inputs: [2, 2],
  types: { 0: FLOATS, 1: FLOATS },
  infer: (c) => {
    sameTypes(c);
    if (c.rank(0) !== c.rank(1)) c.fail(`operands have ranks ${c.rank(0)} and ${c.rank(1)}`);
    for (const [i, d] of c.dims(0).entries()) sameExtent(c, `axis ${i} of B`, c.dims(1)[i], d);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const [a, b] = [c.tensor(0), c.tensor(1)];
    const dtype = computeType(a.dtype);
    const alpha = constant(dtype, c.float('alpha', 1));
    return [
      c.b.map(a.dtype, a.shape, (ix) => {
        const x = load(a, ix);
        return mul(mul(x, sigmoid(mul(alpha, x))), load(b, ix));
      }),
    ];
  },
});
