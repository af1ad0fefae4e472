// ONNX Clip since 11: elements limited to [min, max]; each bound is an optional scalar. When min is
// above max, every element becomes max.

import { type Expr, load, max, min } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { elementCount } from '../ir/tensor.ts';
import { NUMERIC, sameTypes } from './elementwise.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function checkBound(c: InferContext, i: number): void {
  const dims = c.dims(i);
  if (dims.every(isStatic) && elementCount(dims) !== 1) c.fail(`a bound has shape [${dims}], expected a scalar`);
}

function bound(c: LowerContext, i: number, fallback: Expr, f: (b: Expr) => Expr): Expr {
  return c.has(i) ? f(load(c.b.view(c.tensor(i), []), [])) : fallback;
}

export const Clip = op({
  name: 'Clip',
  inputs: [1, 3],
  since: 11,
  types: { 0: NUMERIC, 1: NUMERIC, 2: NUMERIC },
  infer: (c) => {
    sameTypes(c);
    for (const i of [1, 2]) if (c.has(i)) checkBound(c, i);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    return [
      c.b.map(x.dtype, x.shape, (ix) => {
        const element = load(x, ix);
        const above = bound(c, 1, element, (lo) => max(element, lo));
        return bound(c, 2, above, (hi) => min(above, hi));
      }),
    ];
  },
});
