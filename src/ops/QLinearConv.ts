// ONNX QLinearConv since 10: convolution of quantised integers, summed in i32 with an i32 bias, and
// quantised again with the factor x_scale * w_scale / y_scale of the output channel.

import { add, cast, div, load, mul, sub } from '../3-tile/expr.ts';
import { checkChannelVector, convolve, inferConvolution } from './convolution.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { BYTES, checkParameter, parameter, requantise, zeroPoint } from './quantised.ts';

export const QLinearConv = op({
  name: 'QLinearConv',
  inputs: [8, 9],
  since: 10,
  types: {
    0: BYTES,
    1: FLOATS,
    2: BYTES,
    3: BYTES,
    4: FLOATS,
    5: BYTES,
    6: FLOATS,
    7: BYTES,
    8: ['i32'],
  },
  infer: (c) => {
    const shape = inferConvolution(c, 0, 3);
    const channels = c.shape(3)[0];
    for (const i of [1, 2, 6, 7]) checkParameter(c, i, null, `parameter ${i}`);
    for (const i of [4, 5]) checkParameter(c, i, channels, `parameter ${i}`);
    if (c.dtype(2) !== c.dtype(0)) c.fail('x_zero_point has another type than x');
    if (c.dtype(5) !== c.dtype(3)) c.fail('w_zero_point has another type than w');
    checkChannelVector(c, 8, channels, 'bias');
    return [c.tensor(c.dtype(7), shape)];
  },
  lower: (c) => {
    const xZero = zeroPoint(c, 2);
    return [
      convolve(c, {
        x: c.tensor(0),
        w: c.tensor(3),
        dtype: c.outDtype(),
        sumType: 'i32',
        padding: xZero,
        term: (x, w, m) => mul(sub(cast('i32', x), xZero), sub(cast('i32', w), zeroPoint(c, 5, m))),
        finish: (total, m) => {
          const whole = c.has(8) ? add(total, load(c.tensor(8), [m])) : total;
          const scales = mul(parameter(c.tensor(1)), parameter(c.tensor(4), m));
          const factor = div(scales, parameter(c.tensor(6)));
          return requantise(c.outDtype(), mul(cast('f32', whole), factor), zeroPoint(c, 7));
        },
      }),
    ];
  },
});
