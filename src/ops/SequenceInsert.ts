// ONNX SequenceInsert since 11: a sequence with a tensor put before a position, or at the end.
import { op } from './op.ts';
import { positionOf, sequenceOf } from './sequences.ts';

export const SequenceInsert = op({
  name: 'SequenceInsert',
  inputs: [2, 3],
  since: 11,
  types: { 2: ['i32', 'i64'] },
  expand: (c) => {
    const { elems, dtype } = c.sequence(0);
    const count = elems.length;
    // -n … n are allowed: one more place than there are elements, negative ones before an element.
    const asked = c.has(2) ? c.numbersOf(c.tensor(2))[0] : count;
    const at = asked === count ? count : positionOf(c, 2, count);
    return [sequenceOf(c, [...elems.slice(0, at), c.tensor(1), ...elems.slice(at)], dtype)];
  },
});
