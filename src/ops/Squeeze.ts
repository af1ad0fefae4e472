// ONNX Squeeze since 13: the given axes, or all axes of extent 1, removed.
import { type Dim, isStatic } from '../ir/dim.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, op } from './op.ts';

function shapeOf(c: InferContext): Dim[] {
  if (!c.has(1)) return c.shape(0).filter((d) => d !== 1);
  const dims = c.dims(0);
  const axes = normalAxes(c, c.numbers(1), dims.length);
  for (const a of axes) {
    const d = dims[a];
    if (isStatic(d) && d !== 1) c.fail(`axis ${a} has extent ${d} and cannot be squeezed`);
  }
  return dims.filter((_, i) => !axes.includes(i));
}

export const Squeeze = op({
  name: 'Squeeze',
  inputs: [1, 2],
  since: 13,
  types: { 1: ['i64'] },
  infer: (c) => [c.tensor(c.dtype(0), shapeOf(c))],
  lower: (c) => [c.b.view(c.tensor(0), c.outShape())],
});
