// ONNX Size since 1: the number of elements. Always known, so it leaves no work.
import { elementCount } from '../ir/tensor.ts';
import { op } from './op.ts';

export const Size = op({
  name: 'Size',
  expand: (c) => [c.constant('i64', [], [BigInt(elementCount(c.tensor(0).shape))])],
});
