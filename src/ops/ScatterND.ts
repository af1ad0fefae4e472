// ONNX ScatterND since 11: a copy of data with slices stored where index tuples say, optionally
// combined with what is there.

import { index, load } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { checkIndices, refuseKnownIndices, wrapIndex } from './indices.ts';
import { sameExtent } from './moves.ts';
import { type InferContext, op } from './op.ts';
import { reduction, scatterInto } from './scatter.ts';

function checkShapes(c: InferContext): void {
  const [dims, indices, updates] = [c.dims(0), c.dims(1), c.dims(2)];
  if (dims.length === 0 || indices.length === 0) c.fail('data and indices must have at least one axis');
  const tuple = indices[indices.length - 1];
  if (!isStatic(tuple)) c.fail('the length of the index tuples is not known');
  if (tuple < 1 || tuple > dims.length) c.fail(`tuples of ${tuple} indices address ${dims.length} axes`);
  const expected = [...indices.slice(0, -1), ...dims.slice(tuple)];
  if (updates.length !== expected.length) c.fail(`updates have shape [${updates}], expected [${expected}]`);
  expected.forEach((d, i) => {
    sameExtent(c, d, updates[i], `extent of axis ${i} of updates`);
  });
  const addressed = dims.slice(0, tuple);
  if (addressed.every(isStatic)) refuseKnownIndices(c, 1, addressed as number[]);
  if (addressed.includes(0) && !indices.includes(0)) c.fail('scatters into an axis of extent 0');
}

export const ScatterND = op({
  name: 'ScatterND',
  inputs: [3, 3],
  since: 11,
  types: { 0: ANY, 1: ['i64'], 2: ANY },
  infer: (c) => {
    if (c.dtype(0) !== c.dtype(2))
      c.fail(`data is ${c.dtype(0)} and updates ${c.dtype(2)}`, undefined, 'UNSUPPORTED_TYPE');
    reduction(c);
    checkShapes(c);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const [indices, updates] = [c.tensor(1), c.tensor(2)];
    const outer = indices.shape.length - 1;
    const addressed = c.shape(0).slice(0, indices.shape[outer]);
    checkIndices(c, 1, addressed);
    return [
      scatterInto(c, updates, [indices], (ix) => {
        const at = addressed.map((n, k) => wrapIndex(load(indices, [...ix.slice(0, outer), index(k)]), n));
        return [...at, ...ix.slice(outer)];
      }),
    ];
  },
});
