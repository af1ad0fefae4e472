// ONNX GatherElements since 11: out[i][j] = x[indices[i][j]][j] for axis 0, and so on.

import { load } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY, INDEX } from './elementwise.ts';
import { checkIndices, refuseKnownIndices, wrapIndex } from './indices.ts';
import { op } from './op.ts';

export const GatherElements = op({
  name: 'GatherElements',
  inputs: [2, 2],
  since: 11,
  types: { 0: ANY, 1: INDEX },
  infer: (c) => {
    const [dims, indices] = [c.dims(0), c.dims(1)];
    if (dims.length !== indices.length) c.fail(`data has rank ${dims.length} and indices ${indices.length}`);
    const axis = c.axis(c.int('axis', 0), dims.length);
    dims.forEach((d, i) => {
      const n = indices[i];
      if (i !== axis && isStatic(d) && isStatic(n) && n > d) c.fail(`indices exceed axis ${i}: ${n} of ${d}`);
    });
    const extent = dims[axis];
    if (isStatic(extent)) refuseKnownIndices(c, 1, [extent]);
    if (extent === 0 && !indices.includes(0)) c.fail('gathers from an axis of extent 0');
    return [c.tensor(c.dtype(0), indices)];
  },
  lower: (c) => {
    const [x, indices] = [c.tensor(0), c.tensor(1)];
    const axis = c.axis(c.int('axis', 0), x.shape.length);
    const extent = x.shape[axis];
    checkIndices(c, 1, [extent]);
    return [
      c.b.map(x.dtype, c.outShape(), (ix) =>
        load(
          x,
          ix.map((e, i) => (i === axis ? wrapIndex(load(indices, ix), extent) : e)),
        ),
      ),
    ];
  },
});
