// ONNX MatMul since 1: NumPy matmul, narrow floats summed in f32.
import { computeType, mul } from '../3-tile/expr.ts';
import { sameTypes } from './elementwise.ts';
import { matrixProduct, productShape } from './matrix-product.ts';
import { op } from './op.ts';
import { SUMMABLE } from './reduce.ts';

export const MatMul = op({
  name: 'MatMul',
  inputs: [2, 2],
  types: { 0: SUMMABLE, 1: SUMMABLE },
  infer: (c) => {
    sameTypes(c);
    return [c.tensor(c.dtype(0), productShape(c, c.dims(0), c.dims(1)))];
  },
  lower: (c) => {
    const [dtype, a, b] = [c.outDtype(), c.tensor(0), c.tensor(1)];
    return [matrixProduct(c, { a, b, dtype, sumType: computeType(dtype), term: mul }, c.outShape())];
  },
});
