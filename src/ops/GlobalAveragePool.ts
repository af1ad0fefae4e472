// ONNX GlobalAveragePool since 1: mean over all spatial axes.
import { computeType, constant, div } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { globalReduce, inferGlobalPool } from './pooling.ts';

export const GlobalAveragePool = op({
  name: 'GlobalAveragePool',
  types: { 0: FLOATS },
  infer: (c) => [c.tensor(c.dtype(0), inferGlobalPool(c))],
  lower: (c) => {
    const dtype = computeType(c.dtype(0));
    return [
      globalReduce(
        c,
        sum(dtype),
        (x) => x,
        (total, count) => div(total, constant(dtype, count)),
      ),
    ];
  },
});
