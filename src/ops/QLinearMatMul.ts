// ONNX QLinearMatMul since 10: product of quantised matrices, summed in i32 and quantised again with
// the factor a_scale * b_scale / y_scale.
import { cast, div, index, mul } from '../3-tile/expr.ts';
import { FLOATS } from './elementwise.ts';
import { productShape } from './matrix-product.ts';
import { checkIntegerOperands, checkMatrixParameter, integerProduct, matrixParameter } from './matrix-quantised.ts';
import { op } from './op.ts';
import { BYTES, requantise } from './quantised.ts';

const OPERANDS = { a: 0, b: 3, aZero: 2, bZero: 5 };

export const QLinearMatMul = op({
  name: 'QLinearMatMul',
  inputs: [8, 8],
  since: 10,
  types: { 0: BYTES, 1: FLOATS, 2: BYTES, 3: BYTES, 4: FLOATS, 5: BYTES, 6: FLOATS, 7: BYTES },
  infer: (c) => {
    checkIntegerOperands(c, OPERANDS);
    checkMatrixParameter(c, 1, 0, 'row', 'a_scale');
    checkMatrixParameter(c, 4, 3, 'col', 'b_scale');
    checkMatrixParameter(c, 6, 3, 'col', 'y_scale');
    checkMatrixParameter(c, 7, 3, 'col', 'y_zero_point');
    return [c.tensor(c.dtype(7), productShape(c, c.dims(0), c.dims(3)))];
  },
  lower: (c) => {
    const dtype = c.outDtype();
    return [
      integerProduct(c, OPERANDS, {
        dtype,
        finish: (total, at) => {
          const scales = mul(matrixParameter(c.tensor(1), at, 'row'), matrixParameter(c.tensor(4), at, 'col'));
          const factor = div(scales, matrixParameter(c.tensor(6), at, 'col'));
          const zero = c.has(7) ? cast('i32', matrixParameter(c.tensor(7), at, 'col')) : index(0);
          return requantise(dtype, mul(cast('f32', total), factor), zero);
        },
      }),
    ];
  },
});
