// ONNX InstanceNormalization since 6: every channel of every sample normalised by its own mean and
// variance, then scale and bias per channel.
import { add, computeType, load, mul, sub } from '../3-tile/expr.ts';
import { checkChannelVector } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { inverseDeviation, moments } from './moments.ts';
import { op } from './op.ts';

export const InstanceNormalization = op({
  name: 'InstanceNormalization',
  inputs: [3, 3],
  since: 6,
  types: { 0: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const dims = c.dims(0);
    if (dims.length < 3) c.fail(`input has rank ${dims.length}, expected at least 3`);
    checkChannelVector(c, 1, dims[1], 'scale');
    checkChannelVector(c, 2, dims[1], 'bias');
    return [c.tensor(c.dtype(0), dims)];
  },
  lower: (c) => {
    const { b } = c;
    const [n, channels, ...spatial] = c.shape(0);
    const rest = spatial.reduce((p, d) => p * d, 1);
    const x = b.view(c.tensor(0), [n, channels, rest]);
    const dtype = computeType(x.dtype);
    const { mean, variance } = moments(b, dtype, [n, channels], [rest], (ix, rx) => load(x, [...ix, ...rx]));
    const inverse = inverseDeviation(b, variance, c.float('epsilon', 1e-5));
    const y = b.map(x.dtype, x.shape, ([i, m, j]) => {
      const normal = mul(sub(load(x, [i, m, j]), load(mean, [i, m])), load(inverse, [i, m]));
      return add(mul(normal, load(c.tensor(1), [m])), load(c.tensor(2), [m]));
    });
    return [b.view(y, c.outShape())];
  },
});
