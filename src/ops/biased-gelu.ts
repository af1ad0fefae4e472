// Gelu of a tensor plus an optional bias along its last axis: two operators of com.microsoft.
import { broadcastLoad } from '../3-tile/builder.ts';
import { add, type Expr, load } from '../3-tile/expr.ts';
import { broadcastsTo, FLOATS, sameTypes } from './elementwise.ts';
import { type OpDef, op } from './op.ts';

export function biasedGelu(name: string, biasRequired: boolean, f: (x: Expr) => Expr): OpDef {
  return op({
    name,
    domain: 'com.microsoft',
    inputs: [biasRequired ? 2 : 1, 2],
    types: { 0: FLOATS, 1: FLOATS },
    infer: (c) => {
      sameTypes(c);
      if (c.has(1)) broadcastsTo(c, c.dims(1), c.dims(0));
      return [c.tensor(c.dtype(0), c.dims(0))];
    },
    lower: (c) => {
      const x = c.tensor(0);
      return [
        c.b.map(x.dtype, x.shape, (ix) => f(c.has(1) ? add(load(x, ix), broadcastLoad(c.tensor(1), ix)) : load(x, ix))),
      ];
    },
  });
}
