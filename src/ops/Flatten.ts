// ONNX Flatten since 1: a matrix whose rows are the axes before `axis` and whose columns are the rest.
import { productDim } from '../ir/dim.ts';
import { type InferContext, op } from './op.ts';

/** `axis` may equal the rank: then there is one column. */
function splitAt(c: InferContext, rank: number): number {
  const axis = c.int('axis', 1);
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at > rank) c.fail(`axis ${axis} is out of range for rank ${rank}`);
  return at;
}

export const Flatten = op({
  name: 'Flatten',
  infer: (c) => {
    const dims = c.dims(0);
    const at = splitAt(c, dims.length);
    return [c.tensor(c.dtype(0), [productDim(dims.slice(0, at)), productDim(dims.slice(at))])];
  },
  lower: (c) => [c.b.view(c.tensor(0), c.outShape())],
});
