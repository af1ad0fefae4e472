// com.microsoft QLinearConcat: quantised tensors, each with a scale and zero point, joined along one
// axis under a common scale and zero point, which come first.
import { op } from './op.ts';
import { dequantised } from './qlinear-composite.ts';

export const MsQLinearConcat = op({
  name: 'QLinearConcat',
  domain: 'com.microsoft',
  inputs: [5, Infinity],
  expand: (c) => {
    if (c.numInputs % 3 !== 2) {
      c.fail(`has ${c.numInputs} inputs, expected a scale, a zero point, then triples`, undefined, 'INVALID_MODEL');
    }
    const parts = Array.from({ length: (c.numInputs - 2) / 3 }, (_, k) => dequantised(c, 2 + 3 * k));
    const joined = c.one('Concat', parts, { axis: c.int('axis', 0) });
    return [c.one('QuantizeLinear', [joined, c.tensor(0), c.tensor(1)])];
  },
});
