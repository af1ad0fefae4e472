// ONNX RMSNormalization since 23: x / sqrt(mean of x² + epsilon) over all axes from `axis` on, times
// scale.
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { rmsNormalise } from './rms.ts';
import { checkBroadcastToInput, normAxis, stashType } from './trailing-norm.ts';

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
  lower: (c) => [rmsNormalise(c).y],
});
