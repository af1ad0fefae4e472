// ONNX SequenceLength since 11: the number of elements, always known.
import { op } from './op.ts';

export const SequenceLength = op({
  name: 'SequenceLength',
  since: 11,
  expand: (c) => [c.constant('i64', [], [BigInt(c.sequence(0).elems.length)])],
});
