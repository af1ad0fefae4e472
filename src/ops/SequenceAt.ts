// ONNX SequenceAt since 11: the element at a position.
import { op } from './op.ts';
import { positionOf } from './sequences.ts';

export const SequenceAt = op({
  name: 'SequenceAt',
  inputs: [2, 2],
  since: 11,
  types: { 1: ['i32', 'i64'] },
  expand: (c) => {
    const { elems } = c.sequence(0);
    return [elems[positionOf(c, 1, elems.length)]];
  },
});
