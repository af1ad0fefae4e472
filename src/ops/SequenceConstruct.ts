// ONNX SequenceConstruct since 11: a sequence of its inputs.
import { op } from './op.ts';
import { sequenceOf } from './sequences.ts';

export const SequenceConstruct = op({
  name: 'SequenceConstruct',
  inputs: [1, Infinity],
  since: 11,
  expand: (c) => [
    sequenceOf(
      c,
      Array.from({ length: c.numInputs }, (_, i) => c.tensor(i)),
    ),
  ],
});
