// Internal: slice `index` of an axis, or the same counted from the end (`reverse` = 1). The index is
// a loop's iteration number below the extent, so it needs no check.
import { cast, index, load, sub } from '../3-tile/expr.ts';
import { clampIndex } from './index-math.ts';
import { op } from './op.ts';

export const TakeRow = op({
  name: 'TakeRow',
  domain: 'tilewright',
  inputs: [2, 2],
  types: { 1: ['i64'] },
  infer: (c) => {
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    return [
      c.tensor(
        c.dtype(0),
        c.dims(0).filter((_, i) => i !== axis),
      ),
    ];
  },
  lower: (c) => {
    const [x, row] = [c.tensor(0), c.b.view(c.tensor(1), [])];
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    const extent = x.shape[axis];
    const counted = cast('i32', load(row, []));
    const at = c.int('reverse', 0) ? sub(index(extent - 1), counted) : counted;
    const limited = clampIndex(at, extent);
    return [c.b.map(x.dtype, c.outShape(), (ix) => load(x, [...ix.slice(0, axis), limited, ...ix.slice(axis)]))];
  },
});
