// ONNX Multinomial since 7: class numbers drawn with the unnormalised log-probabilities of each row,
// as the arg max of those plus Gumbel noise.
import { add, cast, computeType, constant, index, load, mul } from '../3-tile/expr.ts';
import { typeAttribute } from './creation.ts';
import { FLOATS, INDEX } from './elementwise.ts';
import { argExtreme } from './extremes.ts';
import { op } from './op.ts';
import { gumbel, seedOf } from './random.ts';

export const Multinomial = op({
  name: 'Multinomial',
  since: 7,
  pure: false,
  types: { 0: FLOATS },
  infer: (c) => {
    const [rows, classes] = c.dims(0);
    const samples = c.int('sample_size', 1);
    if (c.rank(0) !== 2 || classes === 0) c.fail(`shape [${c.dims(0)}], expected [rows, classes]`);
    if (samples < 1) c.fail(`sample_size is ${samples}, expected at least 1`);
    return [c.tensor(typeAttribute(c, 'dtype', 'i32', INDEX), [rows, samples])];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const [samples, classes] = [c.outShape()[1], x.shape[1]];
    const seed = seedOf(c);
    const t = computeType(c.outDtype());
    return [
      c.b.reduce(
        c.outDtype(),
        c.outShape(),
        [classes],
        argExtreme('f32', 'max', false),
        ([row, s], [r]) => {
          const counter = add(mul(add(mul(row, index(samples)), s), index(classes)), r);
          const score = add(cast('f32', load(x, [row, r])), gumbel(seed, counter));
          return [score, cast('i64', r), constant('bool', true)];
        },
        ([, at]) => cast(t, at),
      ),
    ];
  },
});
