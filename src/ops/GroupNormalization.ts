// ONNX GroupNormalization since 21: channels in num_groups groups, each group of every sample
// normalised by its own mean and variance, then scale and bias per channel.

import { add, computeType, load, mul, sub } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { checkChannelVector } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { flatIndex } from './index-math.ts';
import { inverseDeviation, moments } from './moments.ts';
import { op } from './op.ts';

export const GroupNormalization = op({
  name: 'GroupNormalization',
  inputs: [3, 3],
  since: 21,
  types: { 0: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const dims = c.dims(0);
    if (dims.length < 2) c.fail(`input has rank ${dims.length}, expected at least 2`);
    const groups = c.int('num_groups', 0);
    if (groups < 1) c.fail(`num_groups is ${groups}, expected at least 1`);
    if (isStatic(dims[1]) && dims[1] % groups !== 0) {
      c.fail(`${dims[1]} channels do not split into ${groups} groups`);
    }
    checkChannelVector(c, 1, dims[1], 'scale');
    checkChannelVector(c, 2, dims[1], 'bias');
    return [c.tensor(c.dtype(0), dims)];
  },
  lower: (c) => {
    const { b } = c;
    const [n, channels, ...spatial] = c.shape(0);
    const groups = c.int('num_groups', 0);
    const each = channels / groups;
    const rest = spatial.reduce((p, d) => p * d, 1);
    const x = b.view(c.tensor(0), [n, groups, each, rest]);
    const dtype = computeType(x.dtype);
    const { mean, variance } = moments(b, dtype, [n, groups], [each, rest], (ix, rx) => load(x, [...ix, ...rx]));
    const inverse = inverseDeviation(b, variance, c.float('epsilon', 1e-5));
    const y = b.map(x.dtype, x.shape, ([i, g, m, j]) => {
      const normal = mul(sub(load(x, [i, g, m, j]), load(mean, [i, g])), load(inverse, [i, g]));
      const channel = flatIndex([g, m], [groups, each]);
      return add(mul(normal, load(c.tensor(1), [channel])), load(c.tensor(2), [channel]));
    });
    return [b.view(y, c.outShape())];
  },
});
