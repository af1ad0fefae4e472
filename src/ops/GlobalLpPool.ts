// ONNX GlobalLpPool since 2: (sum |x|^p)^(1/p) over all spatial axes.
import { computeType } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { globalReduce, inferGlobalPool } from './pooling.ts';
import { absPower, root } from './powers.ts';

export const GlobalLpPool = op({
  name: 'GlobalLpPool',
  since: 2,
  types: { 0: FLOATS },
  infer: (c) => {
    if (c.int('p', 2) < 1) c.fail(`p is ${c.int('p', 2)}, expected at least 1`);
    return [c.tensor(c.dtype(0), inferGlobalPool(c))];
  },
  lower: (c) => {
    const p = c.int('p', 2);
    const total = sum(computeType(c.dtype(0)));
    return [
      globalReduce(
        c,
        total,
        (x) => absPower(x, p),
        (state) => root(state, p),
      ),
    ];
  },
});
