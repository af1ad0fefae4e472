// ONNX AveragePool since 7: mean of each window; count_include_pad decides whether stated padding
// counts as zeros. Windows that overhang the padding (ceil_mode) never count what is beyond it.
import { computeType, constant, div } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { inferPool, poolPlacement, poolReduce, windowCount } from './pooling.ts';

export const AveragePool = op({
  name: 'AveragePool',
  since: 7,
  types: { 0: FLOATS },
  infer: (c) => [c.tensor(c.dtype(0), inferPool(c))],
  lower: (c) => {
    const place = poolPlacement(c);
    const dtype = computeType(c.dtype(0));
    const count = windowCount(place, dtype, c.int('count_include_pad', 0) !== 0);
    return [
      poolReduce(
        c,
        place,
        c.outDtype(),
        sum(dtype),
        constant(dtype, 0),
        (x) => x,
        (total, ix) => div(total, count(ix.slice(2))),
      ),
    ];
  },
});
