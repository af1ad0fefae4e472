// ONNX Conv since 11: cross-correlation over any number of spatial axes, with groups.
import { computeType } from '../3-tile/expr.ts';
import { addChannelBias, checkChannelVector, convolve, inferConvolution } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { op } from './op.ts';

export const Conv = op({
  name: 'Conv',
  inputs: [2, 3],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const shape = inferConvolution(c);
    checkChannelVector(c, 2, shape[1], 'bias');
    return [c.tensor(c.dtype(0), shape)];
  },
  lower: (c) => [
    convolve(c, {
      x: c.tensor(0),
      w: c.tensor(1),
      dtype: c.outDtype(),
      sumType: computeType(c.outDtype()),
      finish: addChannelBias(c, 2),
    }),
  ],
});
