// ONNX GlobalMaxPool since 1: largest element over all spatial axes.
import { computeType } from '../3-tile/expr.ts';
import { maximum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { globalReduce, inferGlobalPool } from './pooling.ts';

export const GlobalMaxPool = op({
  name: 'GlobalMaxPool',
  types: { 0: FLOATS },
  infer: (c) => [c.tensor(c.dtype(0), inferGlobalPool(c))],
  lower: (c) => [
    globalReduce(
      c,
      maximum(computeType(c.dtype(0))),
      (x) => x,
      (state) => state,
    ),
  ],
});
