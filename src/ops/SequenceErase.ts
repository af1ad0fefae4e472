// ONNX SequenceErase since 11: a sequence without the element at a position, by default the last.
import { op } from './op.ts';
import { positionOf, sequenceOf } from './sequences.ts';

export const SequenceErase = op({
  name: 'SequenceErase',
  inputs: [1, 2],
  since: 11,
  types: { 1: ['i32', 'i64'] },
  expand: (c) => {
    const { elems, dtype } = c.sequence(0);
    if (elems.length === 0) c.fail('the sequence is empty');
    const at = c.has(1) ? positionOf(c, 1, elems.length) : elems.length - 1;
    return [
      sequenceOf(
        c,
        elems.filter((_, i) => i !== at),
        dtype ?? undefined,
      ),
    ];
  },
});
