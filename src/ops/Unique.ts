// ONNX Unique since 11: distinct elements, or distinct slices of an axis, with first occurrences,
// inverse and counts. The number of groups is computed first and read, as it is an extent.

import { reshape, slice } from './expansions.ts';
import { op, type StaticTensor } from './op.ts';

export const Unique = op({
  name: 'Unique',
  outputs: [1, 4],
  since: 11,
  expand: (c) => {
    const given = c.tensor(0);
    const total = given.shape.reduce((a, d) => a * d, 1);
    const flat = !c.hasAttr('axis');
    const x = flat ? reshape(c, given, [total]) : given;
    const rank = x.shape.length;
    const asked = c.int('axis', 0);
    const axis = asked < 0 ? asked + rank : asked;
    if (axis < 0 || axis >= rank) c.fail(`axis ${asked} is out of range for rank ${rank}`);
    const sorted = c.int('sorted', 1);
    if (sorted !== 0 && sorted !== 1) c.fail(`sorted is ${sorted}, expected 0 or 1`);
    const [count, first, group, size] = c.emit(
      'UniqueRows',
      [x],
      { axis, sorted },
      4,
      'tilewright',
    ) as readonly StaticTensor[];
    const [groups] = c.numbersOf(count);
    const cut = (t: StaticTensor): StaticTensor => slice(c, t, 0, 0, groups);
    const indices = cut(first);
    return [c.one('Gather', [x, indices], { axis }), indices, group, cut(size)];
  },
});
