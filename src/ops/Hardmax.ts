// ONNX Hardmax since 13: 1 at the first largest element along one axis, 0 elsewhere.
import { cast, computeType, constant, eq, load } from '../3-tile/expr.ts';
import { FLOATS } from './elementwise.ts';
import { argExtreme } from './extremes.ts';
import { op } from './op.ts';
import { keepAt, softmaxView } from './softmax-axes.ts';

export const Hardmax = op({
  name: 'Hardmax',
  types: { 0: FLOATS },
  infer: (c) => {
    if (c.rank(0) > 0) c.axis(c.int('axis', c.int('coerce2d', 0) ? 1 : -1), c.rank(0));
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const { b } = c;
    const { x, axis } = softmaxView(c);
    const dtype = computeType(x.dtype);
    const shape = x.shape.map((d, i) => (i === axis ? 1 : d));
    const best = b.reduce(
      'i64',
      shape,
      [x.shape[axis]],
      argExtreme(dtype, 'max', false),
      (ix, [r]) => [
        load(
          x,
          ix.map((e, i) => (i === axis ? r : e)),
        ),
        cast('i64', r),
        constant('bool', true),
      ],
      ([, at]) => at,
    );
    const out = b.map(x.dtype, x.shape, (ix) => cast(dtype, eq(load(best, keepAt(ix, axis)), cast('i64', ix[axis]))));
    return [b.view(out, c.outShape())];
  },
});
