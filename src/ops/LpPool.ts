// ONNX LpPool since 2: (sum |x|^p)^(1/p) of each window; padding counts as zero.
import { computeType, constant } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { inferPool, poolPlacement, poolReduce } from './pooling.ts';
import { absPower, root } from './powers.ts';

export const LpPool = op({
  name: 'LpPool',
  since: 2,
  types: { 0: FLOATS },
  infer: (c) => {
    if (c.int('p', 2) < 1) c.fail(`p is ${c.int('p', 2)}, expected at least 1`);
    return [c.tensor(c.dtype(0), inferPool(c))];
  },
  lower: (c) => {
    const dtype = computeType(c.dtype(0));
    const p = c.int('p', 2);
    return [
      poolReduce(
        c,
        poolPlacement(c),
        c.outDtype(),
        sum(dtype),
        constant(dtype, 0),
        (x) => absPower(x, p),
        (total) => root(total, p),
      ),
    ];
  },
});
