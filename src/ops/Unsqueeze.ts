// ONNX Unsqueeze since 13: axes of extent 1 inserted; `axes` are positions in the result.
import type { Dim } from '../ir/dim.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, op } from './op.ts';

function shapeOf(c: InferContext): Dim[] {
  const dims = c.dims(0);
  const given = c.numbers(1);
  const axes = new Set(normalAxes(c, given, dims.length + given.length));
  const rest = dims[Symbol.iterator]();
  return Array.from({ length: dims.length + axes.size }, (_, i) => (axes.has(i) ? 1 : (rest.next().value as Dim)));
}

export const Unsqueeze = op({
  name: 'Unsqueeze',
  inputs: [2, 2],
  since: 13,
  types: { 1: ['i64'] },
  infer: (c) => [c.tensor(c.dtype(0), shapeOf(c))],
  lower: (c) => [c.b.view(c.tensor(0), c.outShape())],
});
