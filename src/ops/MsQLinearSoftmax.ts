// com.microsoft QLinearSoftmax: softmax of a quantised tensor. Attribute opset says whose definition
// of the axis holds: before 13 all axes from it on are one.
import { op } from './op.ts';
import { dequantised, quantised } from './qlinear-composite.ts';

const LAST_COERCED = 12;

export const MsQLinearSoftmax = op({
  name: 'QLinearSoftmax',
  domain: 'com.microsoft',
  inputs: [4, 5],
  expand: (c) => {
    const coerce2d = c.int('opset', 0) <= LAST_COERCED ? 1 : 0;
    const y = c.one('Softmax', [dequantised(c, 0)], { axis: c.int('axis', -1), coerce2d });
    return [quantised(c, y, 3, 0)];
  },
});
