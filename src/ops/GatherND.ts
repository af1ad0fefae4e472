// ONNX GatherND since 11: slices picked by index tuples along the last axis of indices, after
// `batch_dims` axes that both inputs share.

import { index, load } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { checkIndices, refuseKnownIndices, wrapIndex } from './indices.ts';
import { sameExtent } from './moves.ts';
import { op } from './op.ts';

export const GatherND = op({
  name: 'GatherND',
  inputs: [2, 2],
  since: 11,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    const [dims, indices] = [c.dims(0), c.dims(1)];
    const batch = c.int('batch_dims', 0);
    if (batch < 0 || batch >= Math.min(dims.length, indices.length)) c.fail(`batch_dims ${batch} is out of range`);
    const tuple = indices[indices.length - 1];
    if (!isStatic(tuple)) return c.fail('the length of the index tuples is not known');
    if (tuple < 1 || tuple > dims.length - batch)
      c.fail(`tuples of ${tuple} indices address ${dims.length - batch} axes`);
    for (let i = 0; i < batch; i++) sameExtent(c, dims[i], indices[i], `batch axis ${i}`);
    const addressed = dims.slice(batch, batch + tuple);
    if (addressed.every(isStatic)) refuseKnownIndices(c, 1, addressed as number[]);
    if (addressed.includes(0) && !indices.includes(0)) c.fail('gathers from an axis of extent 0');
    return [c.tensor(c.dtype(0), [...indices.slice(0, -1), ...dims.slice(batch + tuple)])];
  },
  lower: (c) => {
    const [x, indices] = [c.tensor(0), c.tensor(1)];
    const batch = c.int('batch_dims', 0);
    const tuple = indices.shape[indices.shape.length - 1];
    const addressed = x.shape.slice(batch, batch + tuple);
    checkIndices(c, 1, addressed);
    const outer = indices.shape.length - 1;
    return [
      c.b.map(x.dtype, c.outShape(), (ix) => {
        const at = addressed.map((n, k) => wrapIndex(load(indices, [...ix.slice(0, outer), index(k)]), n));
        return load(x, [...ix.slice(0, batch), ...at, ...ix.slice(outer)]);
      }),
    ];
  },
});
