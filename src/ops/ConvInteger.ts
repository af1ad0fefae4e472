// ONNX ConvInteger since 10: convolution of 8-bit integers less their zero points, summed in i32.
import { cast, type Expr, mul, sub } from '../3-tile/expr.ts';
import { convolve, inferConvolution } from './convolution.ts';
import { op } from './op.ts';
import { BYTES, checkParameter, zeroPoint } from './quantised.ts';

export const ConvInteger = op({
  name: 'ConvInteger',
  inputs: [2, 4],
  since: 10,
  types: { 0: BYTES, 1: BYTES, 2: BYTES, 3: BYTES },
  infer: (c) => {
    const shape = inferConvolution(c);
    if (c.has(2) && c.dtype(2) !== c.dtype(0)) c.fail('x_zero_point has another type than x');
    if (c.has(3) && c.dtype(3) !== c.dtype(1)) c.fail('w_zero_point has another type than w');
    checkParameter(c, 2, null, 'x_zero_point');
    checkParameter(c, 3, c.shape(1)[0], 'w_zero_point');
    return [c.tensor('i32', shape)];
  },
  lower: (c) => {
    const xZero = zeroPoint(c, 2);
    const less = (e: Expr, zero: Expr, i: number): Expr => (c.has(i) ? sub(cast('i32', e), zero) : cast('i32', e));
    return [
      convolve(c, {
        x: c.tensor(0),
        w: c.tensor(1),
        dtype: 'i32',
        sumType: 'i32',
        padding: xZero,
        term: (x, w, m) => mul(less(x, xZero, 2), less(w, zeroPoint(c, 3, m), 3)),
      }),
    ];
  },
});
