// ONNX Bernoulli since 15: 1 with the probability that the input holds, else 0.

import { cast, computeType, load, lt } from '../3-tile/expr.ts';
import { elementCount } from '../ir/tensor.ts';
import { typeAttribute } from './creation.ts';
import { EQUATABLE, FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { mapFlat, seedOf, uniform } from './random.ts';

export const Bernoulli = op({
  name: 'Bernoulli',
  since: 15,
  pure: false,
  types: { 0: FLOATS },
  infer: (c) => [c.tensor(typeAttribute(c, 'dtype', c.dtype(0), EQUATABLE), c.dims(0))],
  lower: (c) => {
    const p = c.b.view(c.tensor(0), [elementCount(c.shape(0))]);
    const seed = seedOf(c);
    const t = computeType(c.outDtype());
    return [mapFlat(c, c.outDtype(), c.outShape(), (i) => cast(t, lt(uniform(seed, 0, i), cast('f32', load(p, [i])))))];
  },
});
