// ONNX ImageScaler (experimental, before opset 10): scale * x + bias[channel] of images NCHW.
import { add, load, mul } from '../3-tile/expr.ts';
import { tensorOf } from '../ir/tensor.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { like } from './scalar-math.ts';

export const ImageScaler = op({
  name: 'ImageScaler',
  types: { 0: FLOATS },
  infer: (c) => {
    const bias = c.floats('bias');
    if (c.rank(0) !== 4) c.fail(`rank ${c.rank(0)}, expected 4`);
    if (bias && bias.length !== c.shape(0)[1]) c.fail(`${bias.length} biases for ${c.shape(0)[1]} channels`);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const bias = c.floats('bias');
    const b = bias && c.b.constant(tensorOf(x.dtype, [bias.length], bias));
    return [
      c.b.map(x.dtype, x.shape, (ix) => {
        const scaled = mul(load(x, ix), like(load(x, ix), c.float('scale', 1)));
        return b ? add(scaled, load(b, [ix[1]])) : scaled;
      }),
    ];
  },
});
