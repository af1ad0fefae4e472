// ONNX Concat since 4: inputs joined along one axis.

import { add, index, load } from '../3-tile/expr.ts';
import type { Dim } from '../ir/dim.ts';
import { ANY, sameTypes } from './elementwise.ts';
import { sameExtent, sumDims } from './moves.ts';
import { type InferContext, op } from './op.ts';

function shapeOf(c: InferContext): Dim[] {
  if (!c.hasAttr('axis')) c.fail('attribute axis is missing', undefined, 'INVALID_MODEL');
  const all = Array.from({ length: c.numInputs }, (_, i) => c.dims(i));
  const rank = all[0].length;
  const axis = c.axis(c.int('axis', 0), rank);
  for (const dims of all) {
    if (dims.length !== rank) c.fail(`inputs have ranks ${rank} and ${dims.length}, expected one rank`);
    dims.forEach((d, i) => {
      if (i !== axis) sameExtent(c, d, all[0][i], `extents of axis ${i}`);
    });
  }
  return all[0].map((d, i) => (i === axis ? sumDims(all.map((s) => s[i])) : d));
}

export const Concat = op({
  name: 'Concat',
  inputs: [1, Infinity],
  since: 4,
  infer: (c) => {
    sameTypes(c);
    if (!ANY.includes(c.dtype(0))) c.fail(`type ${c.dtype(0)} is not supported`, undefined, 'UNSUPPORTED_TYPE');
    return [c.tensor(c.dtype(0), shapeOf(c))];
  },
  lower: (c) => {
    if (c.numInputs === 1) return [c.tensor(0)];
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    const out = c.b.alloc(c.outDtype(), c.outShape());
    let offset = 0;
    for (let i = 0; i < c.numInputs; i++) {
      const x = c.tensor(i);
      const shift = index(offset);
      c.b.write(
        out,
        x.shape,
        (ix) => ix.map((e, d) => (d === axis ? add(e, shift) : e)),
        (ix) => load(x, ix),
      );
      offset += x.shape[axis];
    }
    return [out];
  },
});
