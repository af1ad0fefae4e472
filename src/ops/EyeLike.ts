// ONNX EyeLike since 9: ones on diagonal k of a matrix of the input's shape, zeros elsewhere.
import { add, cast, computeType, eq, index } from '../3-tile/expr.ts';
import { typeAttribute } from './creation.ts';
import { EQUATABLE } from './elementwise.ts';
import { op } from './op.ts';

/** A diagonal outside of every matrix. */
const BEYOND = 2 ** 30;

export const EyeLike = op({
  name: 'EyeLike',
  since: 9,
  infer: (c) => {
    if (c.rank(0) !== 2) c.fail(`rank ${c.rank(0)}, expected 2`);
    return [c.tensor(typeAttribute(c, 'dtype', c.dtype(0), EQUATABLE), c.dims(0))];
  },
  lower: (c) => {
    const t = computeType(c.outDtype());
    const k = Math.min(Math.max(c.int('k', 0), -BEYOND), BEYOND);
    return [c.b.map(c.outDtype(), c.outShape(), ([row, col]) => cast(t, eq(col, add(row, index(k)))))];
  },
});
