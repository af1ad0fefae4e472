// ONNX AffineGrid since 20: normalised sampling coordinates of a 2-D or 3-D affine transform, one
// point per output position, coordinates in reverse order of the axes.

import { add, computeType, type Expr, index, load, mul } from '../3-tile/expr.ts';
import { tensorOf } from '../ir/tensor.ts';
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { checkTable } from './tables.ts';

/** Coordinates of an axis of `extent` positions from -1 to 1. */
function coordinates(extent: number, corners: boolean): number[] {
  return Array.from({ length: extent }, (_, i) => {
    if (corners) return extent === 1 ? 0 : -1 + (2 * i) / (extent - 1);
    return (2 * i + 1) / extent - 1;
  });
}

export const AffineGrid = op({
  name: 'AffineGrid',
  inputs: [2, 2],
  since: 20,
  types: { 0: FLOATS, 1: ['i64'] },
  infer: (c) => {
    const [n, , ...extents] = c.numbers(1);
    const d = extents.length;
    if (d !== 2 && d !== 3) c.fail(`size names ${d} spatial axes, expected 2 or 3`);
    if (extents.some((e) => e < 0)) c.fail(`size [${extents}] is negative`);
    for (const e of extents) checkTable(c, e);
    const theta = c.dims(0);
    if (theta.length !== 3 || theta[1] !== d || theta[2] !== d + 1 || theta[0] !== n) {
      c.fail(`theta has shape [${theta}], expected [${n}, ${d}, ${d + 1}]`);
    }
    return [c.tensor(c.dtype(0), [n, ...extents, d])];
  },
  lower: (c) => {
    const theta = c.tensor(0);
    const dtype = computeType(theta.dtype);
    const extents = c.outShape().slice(1, -1);
    const corners = c.int('align_corners', 0) !== 0;
    const axes = extents.map((e) => c.b.constant(tensorOf(dtype, [e], coordinates(e, corners))));
    const d = extents.length;
    return [
      c.b.map(theta.dtype, c.outShape(), ([n, ...ix]) => {
        const row = ix[d];
        const terms = axes
          .map((t, k): Expr => mul(load(theta, [n, row, index(d - 1 - k)]), load(t, [ix[k]])))
          .reverse();
        return add(terms.reduce(add), load(theta, [n, row, index(d)]));
      }),
    ];
  },
});
