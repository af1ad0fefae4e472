// ONNX SplitToSequence since 11: a tensor cut along one axis into a sequence, by given sizes, by
// equal sizes with a smaller last one, or into single slices.

import { reshape, slice } from './expansions.ts';
import { type ExpandContext, op } from './op.ts';

/** Parts of one size with a smaller last one, counted against the limits as they are made. */
function equalSizes(c: ExpandContext, extent: number, size: number): number[] {
  const sizes: number[] = [];
  for (let from = 0; from < extent; from += size) {
    c.countUnrolled();
    sizes.push(Math.min(size, extent - from));
  }
  return sizes;
}

/** Sizes of the parts along an axis of this extent. */
function sizes(c: ExpandContext, extent: number): number[] {
  if (!c.has(1)) return equalSizes(c, extent, 1);
  const split = c.tensor(1);
  const values = c.numbersOf(split);
  if (split.shape.length > 1 || values.some((v) => v < 0)) c.fail(`split [${values}] is not a list of sizes`);
  if (split.shape.length === 1) {
    if (values.reduce((a, b) => a + b, 0) !== extent) c.fail(`split [${values}] does not add up to ${extent}`);
    return values;
  }
  const [size] = values;
  if (size < 1) c.fail(`split is ${size}, expected at least 1`);
  return equalSizes(c, extent, size);
}

export const SplitToSequence = op({
  name: 'SplitToSequence',
  inputs: [1, 2],
  since: 11,
  types: { 1: ['i32', 'i64'] },
  expand: (c) => {
    const x = c.tensor(0);
    const rank = x.shape.length;
    const asked = c.int('axis', 0);
    const axis = asked < 0 ? asked + rank : asked;
    if (axis < 0 || axis >= rank) c.fail(`axis ${asked} is out of range for rank ${rank}`);
    let from = 0;
    const elems = sizes(c, x.shape[axis]).map((size) => {
      const part = slice(c, x, axis, from, from + size);
      from += size;
      const drops = !c.has(1) && c.int('keepdims', 1) === 0;
      return drops
        ? reshape(
            c,
            part,
            part.shape.filter((_, i) => i !== axis),
          )
        : part;
    });
    return [{ kind: 'sequence', elems, dtype: x.dtype }];
  },
});
