// ONNX ScatterElements since 11: a copy of data with updates stored along one axis where indices say,
// optionally combined with what is there.

import { load } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY, INDEX } from './elementwise.ts';
import { checkIndices, refuseKnownIndices, wrapIndex } from './indices.ts';
import { sameExtent } from './moves.ts';
import { type InferContext, op } from './op.ts';
import { reduction, scatterInto } from './scatter.ts';

function checkShapes(c: InferContext): void {
  const [dims, indices, updates] = [c.dims(0), c.dims(1), c.dims(2)];
  if (dims.length !== indices.length || updates.length !== indices.length) {
    c.fail(`data, indices and updates have ranks ${dims.length}, ${indices.length} and ${updates.length}`);
  }
  const axis = c.axis(c.int('axis', 0), dims.length);
  indices.forEach((n, i) => {
    sameExtent(c, n, updates[i], `extents of axis ${i} of indices and updates`);
    const d = dims[i];
    if (i !== axis && isStatic(d) && isStatic(n) && n > d) c.fail(`indices exceed axis ${i}: ${n} of ${d}`);
  });
  const extent = dims[axis];
  if (isStatic(extent)) refuseKnownIndices(c, 1, [extent]);
  if (extent === 0 && !indices.includes(0)) c.fail('scatters into an axis of extent 0');
}

export const ScatterElements = op({
  name: 'ScatterElements',
  inputs: [3, 3],
  since: 11,
  types: { 0: ANY, 1: INDEX, 2: ANY },
  infer: (c) => {
    if (c.dtype(0) !== c.dtype(2))
      c.fail(`data is ${c.dtype(0)} and updates ${c.dtype(2)}`, undefined, 'UNSUPPORTED_TYPE');
    reduction(c);
    checkShapes(c);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const [indices, updates] = [c.tensor(1), c.tensor(2)];
    const axis = c.axis(c.int('axis', 0), indices.shape.length);
    const extent = c.shape(0)[axis];
    checkIndices(c, 1, [extent]);
    return [
      scatterInto(c, updates, [indices], (ix) =>
        ix.map((e, i) => (i === axis ? wrapIndex(load(indices, ix), extent) : e)),
      ),
    ];
  },
});
