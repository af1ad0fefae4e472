// ONNX ConcatFromSequence since 11: the elements of a sequence joined along an axis, or stacked along
// a new one.
import { op } from './op.ts';
import { tensorsOf } from './sequences.ts';

export const ConcatFromSequence = op({
  name: 'ConcatFromSequence',
  since: 11,
  expand: (c) => {
    const parts = tensorsOf(c, c.sequence(0));
    if (parts.length === 0) c.fail('the sequence is empty');
    const stacks = c.int('new_axis', 0) !== 0;
    if (!c.hasAttr('axis')) c.fail('attribute axis is missing', undefined, 'INVALID_MODEL');
    const rank = parts[0].shape.length + (stacks ? 1 : 0);
    const asked = c.int('axis', 0);
    const axis = asked < 0 ? asked + rank : asked;
    if (axis < 0 || axis >= rank) c.fail(`axis ${asked} is out of range for rank ${rank}`);
    const at = c.constant('i64', [1], [BigInt(axis)]);
    return [c.one('Concat', stacks ? parts.map((t) => c.one('Unsqueeze', [t, at])) : parts, { axis })];
  },
});
