// ONNX MatMulInteger since 10: product of 8-bit integer matrices less their zero points, exact in i32.
import { productShape } from './matrix-product.ts';
import { checkIntegerOperands, integerProduct } from './matrix-quantised.ts';
import { op } from './op.ts';
import { BYTES } from './quantised.ts';

const OPERANDS = { a: 0, b: 1, aZero: 2, bZero: 3 };

export const MatMulInteger = op({
  name: 'MatMulInteger',
  inputs: [2, 4],
  since: 10,
  types: { 0: BYTES, 1: BYTES, 2: BYTES, 3: BYTES },
  infer: (c) => {
    checkIntegerOperands(c, OPERANDS);
    return [c.tensor('i32', productShape(c, c.dims(0), c.dims(1)))];
  },
  lower: (c) => [integerProduct(c, OPERANDS, { dtype: 'i32' })],
});
