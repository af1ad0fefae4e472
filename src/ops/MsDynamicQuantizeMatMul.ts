// com.microsoft DynamicQuantizeMatMul: A is quantised to u8 with a scale of its own, multiplied exactly
// with the quantised B, and scaled back to floats, plus a bias.
import { op, type StaticTensor } from './op.ts';

export const MsDynamicQuantizeMatMul = op({
  name: 'DynamicQuantizeMatMul',
  domain: 'com.microsoft',
  inputs: [3, 5],
  expand: (c) => {
    const optional = (i: number): StaticTensor | null => (c.has(i) ? c.tensor(i) : null);
    const [a, scale, zero] = c.emit('DynamicQuantizeLinear', [c.tensor(0)], {}, 3) as StaticTensor[];
    const inputs = [a, c.tensor(1), scale, c.tensor(2), zero, optional(3), optional(4)];
    return [c.one('MatMulIntegerToFloat', inputs, {}, 'com.microsoft')];
  },
});
