// ONNX Gather since 1: slices of one axis picked by an index tensor, whose axes replace that axis.

import { load } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY, INDEX } from './elementwise.ts';
import { checkIndices, refuseKnownIndices, wrapIndex } from './indices.ts';
import { op } from './op.ts';

export const Gather = op({
  name: 'Gather',
  inputs: [2, 2],
  types: { 0: ANY, 1: INDEX },
  infer: (c) => {
    const [dims, indices] = [c.dims(0), c.dims(1)];
    const axis = c.axis(c.int('axis', 0), dims.length);
    const extent = dims[axis];
    if (isStatic(extent)) refuseKnownIndices(c, 1, [extent]);
    if (extent === 0 && !indices.includes(0)) c.fail('gathers from an axis of extent 0');
    return [c.tensor(c.dtype(0), [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)])];
  },
  lower: (c) => {
    const [x, indices] = [c.tensor(0), c.tensor(1)];
    const axis = c.axis(c.int('axis', 0), x.shape.length);
    const after = axis + indices.shape.length;
    checkIndices(c, 1, [x.shape[axis]]);
    return [
      c.b.map(x.dtype, c.outShape(), (ix) => {
        const at = wrapIndex(load(indices, ix.slice(axis, after)), x.shape[axis]);
        return load(x, [...ix.slice(0, axis), at, ...ix.slice(after)]);
      }),
    ];
  },
});
