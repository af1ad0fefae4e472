// ONNX Where since 9: x where the condition holds, else y; all three broadcast.

import { broadcastLoad } from '../3-tile/builder.ts';
import { select } from '../3-tile/expr.ts';
import { ANY, BOOL, broadcastShapes } from './elementwise.ts';
import { op } from './op.ts';

export const Where = op({
  name: 'Where',
  inputs: [3, 3],
  since: 9,
  types: { 0: BOOL, 1: ANY, 2: ANY },
  infer: (c) => {
    if (c.dtype(1) !== c.dtype(2)) {
      c.fail(
        `the choices have types ${c.dtype(1)} and ${c.dtype(2)}, expected one type`,
        undefined,
        'UNSUPPORTED_TYPE',
      );
    }
    return [c.tensor(c.dtype(1), broadcastShapes(c, c.dims(0), c.dims(1), c.dims(2)))];
  },
  lower: (c) => {
    const [cond, x, y] = [c.tensor(0), c.tensor(1), c.tensor(2)];
    return [
      c.b.map(c.outDtype(), c.outShape(), (ix) =>
        select(broadcastLoad(cond, ix), broadcastLoad(x, ix), broadcastLoad(y, ix)),
      ),
    ];
  },
});
