// ONNX RMSNormalization since 23: x / sqrt(mean of x² + epsilon) over all axes from `axis` on, times
// scale.
import { cast, computeType, load, mul } from '../3-tile/expr.ts';
import { FLOATS } from './elementwise.ts';
import { inverseDeviation, loadAs, meanOver } from './moments.ts';
import { op } from './op.ts';
import { checkBroadcastToInput, normAxis, splitShape, stashType } from './trailing-norm.ts';
import { broadcastLoad } from '../3-tile/builder.ts';

export const RMSNormalization = op({
  name: 'RMSNormalization',
  inputs: [2, 2],
  since: 23,
  types: { 0: FLOATS, 1: FLOATS },
  infer: (c) => {
    normAxis(c);
    stashType(c);
    checkBroadcastToInput(c, 1, 'scale');
    return [c.tensor(c.dtype(1), c.dims(0))];
  },
  lower: (c) => {
    const { b } = c;
    const [x, scale] = [c.tensor(0), c.tensor(1)];
    const { outer, inner } = splitShape(c);
    const dtype = computeType(x.dtype);
    const square = meanOver(b, dtype, outer, inner, (ix, rx) => {
      const e = load(x, [...ix, ...rx]);
      return mul(e, e);
    });
    const inverse = inverseDeviation(b, square, c.float('epsilon', 1e-5));
    const to = computeType(c.outDtype());
    return [
      b.map(c.outDtype(), x.shape, (ix) => {
        const normal = mul(loadAs(dtype, x, ix), load(inverse, ix.slice(0, outer.length)));
        return mul(cast(to, normal), cast(to, broadcastLoad(scale, ix)));
      }),
    ];
  },
});
