// ONNX Expand since 8: the input broadcast with the given shape, both ways.
import { broadcastLoad } from '../3-tile/builder.ts';
import { elementCount } from '../ir/tensor.ts';
import { ANY, broadcastShapes } from './elementwise.ts';
import { op } from './op.ts';

export const Expand = op({
  name: 'Expand',
  inputs: [2, 2],
  since: 8,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    const shape = c.numbers(1);
    if (shape.some((d) => d < 0)) c.fail(`[${shape}] is not a shape`);
    return [c.tensor(c.dtype(0), broadcastShapes(c, c.dims(0), shape))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    if (elementCount(x.shape) === elementCount(c.outShape())) return [c.b.view(x, c.outShape())];
    return [c.b.map(x.dtype, c.outShape(), (ix) => broadcastLoad(x, ix))];
  },
});
