// ArgMax and ArgMin: the index along one axis of its extreme element, the first or the last of equals.
import { cast, computeType, constant, load } from '../3-tile/expr.ts';
import { NUMERIC } from './elementwise.ts';
import { argExtreme } from './extremes.ts';
import { type OpDef, op } from './op.ts';
import { reducedShape } from './reduce.ts';

export function argOp(name: string, kind: 'max' | 'min'): OpDef {
  return op({
    name,
    types: { 0: NUMERIC },
    infer: (c) => {
      const dims = c.dims(0);
      const axis = c.axis(c.int('axis', 0), dims.length);
      if (dims[axis] === 0) c.fail('the axis is empty');
      return [c.tensor('i64', reducedShape(dims, [axis], c.int('keepdims', 1) !== 0))];
    },
    lower: (c) => {
      const x = c.tensor(0);
      const axis = c.axis(c.int('axis', 0), x.shape.length);
      const monoid = argExtreme(computeType(x.dtype), kind, c.int('select_last_index', 0) === 1, 'i32');
      const shape = reducedShape(x.shape, [axis], true);
      const found = c.b.reduce(
        'i32',
        shape,
        [x.shape[axis]],
        monoid,
        (ix, [r]) => [
          load(
            x,
            ix.map((e, i) => (i === axis ? r : e)),
          ),
          r,
          constant('bool', true),
        ],
        ([, at]) => at,
      );
      const out = c.b.map('i64', shape, (ix) => cast('i64', load(found, ix)));
      return [c.b.view(out, c.outShape())];
    },
  });
}
