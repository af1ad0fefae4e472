// ONNX Compress since 9: slices of one axis, or elements of the flattened input, where a condition
// holds. Positions come from NonZero, so the number of them is known when the rest is compiled.
import { elementCount } from '../ir/tensor.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

const vector = (c: ExpandContext, ...values: number[]): StaticTensor =>
  c.constant('i64', [values.length], values.map(BigInt));

export const Compress = op({
  name: 'Compress',
  inputs: [2, 2],
  since: 9,
  expand: (c) => {
    let [x, condition] = [c.tensor(0), c.tensor(1)];
    if (condition.dtype !== 'bool' || condition.shape.length !== 1) c.fail('the condition is not a vector of bool');
    if (!c.hasAttr('axis')) x = c.one('Reshape', [x, vector(c, elementCount(x.shape))]);
    const axis = c.int('axis', 0);
    const at = axis < 0 ? axis + x.shape.length : axis;
    if (at < 0 || at >= x.shape.length) c.fail(`axis ${axis} is out of range for rank ${x.shape.length}`);
    if (condition.shape[0] > x.shape[at]) condition = c.one('Slice', [condition, vector(c, 0), vector(c, x.shape[at])]);
    const found = c.one('NonZero', [condition]);
    return [c.one('Gather', [x, c.one('Squeeze', [found, vector(c, 0)])], { axis: at })];
  },
});
