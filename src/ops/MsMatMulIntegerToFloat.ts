// com.microsoft MatMulIntegerToFloat: exact integer product times a_scale * b_scale, plus a bias.
import { broadcastLoad } from '../3-tile/builder.ts';
import { add, cast, computeType, mul } from '../3-tile/expr.ts';
import { broadcastsTo, FLOATS } from './elementwise.ts';
import { productShape } from './matrix-product.ts';
import { checkIntegerOperands, checkMatrixParameter, integerProduct, matrixParameter } from './matrix-quantised.ts';
import { op } from './op.ts';
import { BYTES } from './quantised.ts';

const OPERANDS = { a: 0, b: 1, aZero: 4, bZero: 5 };

export const MsMatMulIntegerToFloat = op({
  name: 'MatMulIntegerToFloat',
  domain: 'com.microsoft',
  inputs: [4, 7],
  types: { 0: BYTES, 1: BYTES, 2: FLOATS, 3: FLOATS, 4: BYTES, 5: BYTES, 6: FLOATS },
  infer: (c) => {
    checkIntegerOperands(c, OPERANDS);
    checkMatrixParameter(c, 2, 0, 'row', 'a_scale');
    checkMatrixParameter(c, 3, 1, 'col', 'b_scale');
    const shape = productShape(c, c.dims(0), c.dims(1));
    if (c.has(6)) broadcastsTo(c, c.dims(6), shape.slice(-1));
    return [c.tensor(c.dtype(2), shape)];
  },
  lower: (c) => {
    const t = computeType(c.outDtype());
    return [
      integerProduct(c, OPERANDS, {
        dtype: c.outDtype(),
        finish: (total, at) => {
          const scale = mul(matrixParameter(c.tensor(2), at, 'row'), matrixParameter(c.tensor(3), at, 'col'));
          const y = mul(cast(t, total), cast(t, scale));
          return c.has(6) ? add(y, cast(t, broadcastLoad(c.tensor(6), [...at.batch, at.row, at.col]))) : y;
        },
      }),
    ];
  },
});
