// ONNX ConstantOfShape since 9: a tensor of the given shape filled with one value (default f32 0).

import { computeType, constant } from '../3-tile/expr.ts';
import { tensorOf, tensorValues } from '../ir/tensor.ts';
import { ANY } from './elementwise.ts';
import { type InferContext, op } from './op.ts';

function extents(c: InferContext): number[] {
  if (c.rank(0) !== 1) c.fail(`the shape input has rank ${c.rank(0)}, expected 1`);
  const shape = c.numbers(0);
  if (shape.some((d) => d < 0)) c.fail(`[${shape}] is not a shape`);
  return shape;
}

export const ConstantOfShape = op({
  name: 'ConstantOfShape',
  since: 9,
  types: { 0: ['i64'] },
  infer: (c) => {
    const value = c.tensorAttr('value');
    if (value && (value.shape.length !== 1 || value.shape[0] !== 1)) {
      c.fail(`value has shape [${value.shape}], expected [1]`, undefined, 'INVALID_MODEL');
    }
    if (value && !ANY.includes(value.dtype))
      c.fail(`type ${value.dtype} is not supported`, undefined, 'UNSUPPORTED_TYPE');
    return [c.tensor(value?.dtype ?? 'f32', extents(c))];
  },
  lower: (c) => {
    const value = c.tensorAttr('value') ?? tensorOf('f32', [], [0]);
    const [element] = tensorValues(value);
    return [c.b.map(value.dtype, c.outShape(), () => constant(computeType(value.dtype), element))];
  },
});
