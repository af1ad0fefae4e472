// ONNX Split since 13: one axis cut into parts of given lengths, or into num_outputs equal parts of
// which the last may be shorter.

import { ANY } from './elementwise.ts';
import { sliceAxis } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function lengths(c: InferContext | LowerContext, extent: number): number[] {
  const parts = c.int('num_outputs', c.numOutputs);
  if (c.has(1)) {
    if (c.hasAttr('num_outputs')) c.fail('both the input split and num_outputs are given', undefined, 'INVALID_MODEL');
    const given = c.numbers(1);
    const total = given.reduce((a, b) => a + b, 0);
    if (total !== extent || given.some((n) => n < 0)) c.fail(`parts [${given}] do not add up to extent ${extent}`);
    if (given.length < c.numOutputs) c.fail(`${given.length} parts for ${c.numOutputs} outputs`);
    return given;
  }
  if (parts < c.numOutputs || parts < 1) c.fail(`${parts} parts for ${c.numOutputs} outputs`);
  const size = Math.ceil(extent / parts);
  const last = extent - size * (parts - 1);
  if (last < 0) c.fail(`extent ${extent} does not split into ${parts} parts`);
  if (!c.hasAttr('num_outputs') && last !== size) c.fail(`extent ${extent} does not split into ${parts} equal parts`);
  return Array.from({ length: parts }, (_, i) => (i === parts - 1 ? last : size));
}

export const Split = op({
  name: 'Split',
  inputs: [1, 2],
  outputs: [1, Infinity],
  since: 13,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    const dims = c.dims(0);
    const axis = c.axis(c.int('axis', 0), dims.length);
    return lengths(c, c.shape(0)[axis]).map((n) =>
      c.tensor(
        c.dtype(0),
        dims.map((d, i) => (i === axis ? n : d)),
      ),
    );
  },
  lower: (c) => {
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    let end = 0;
    return lengths(c, c.shape(0)[axis]).map((length, i) => {
      end += length;
      return c.wants(i) ? sliceAxis(c.b, c.tensor(0), axis, end - length, length) : null;
    });
  },
});
