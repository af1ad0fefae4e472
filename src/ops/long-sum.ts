// Reductions of very many elements. In: what TileBuilder.reduce takes. Out: the same, where there are more than `LONG`
// elements in two steps: parts, then the parts together. One by one, a sum of n floats may lose n/2 units in the last
// place; parts of about √n lose √n (Higham, Accuracy and Stability of Numerical Algorithms, §4.2), and they are
// independent work. Operators say so, not schedules, so that every target and the interpreter round alike.
import { add, type ComputeType, computeType, type Expr, index, load, mul } from '../3-tile/expr.ts';
import { isUnordered } from '../3-tile/monoids.ts';
import type { Monoid } from '../3-tile/tile-op.ts';
import type { DType } from '../ir/dtype.ts';
import type { LowerContext, TileTensor } from './op.ts';

const LONG = 16_384;

type Indices = readonly Expr[];
const FLOATING: ReadonlySet<ComputeType> = new Set(['f32', 'f64']);

/**
 * Parts of many elements: `outer` extents count them. Extents before `at` are among these, those after it are within a
 * part, and the one at it is divided into pieces of `size`. Null: too few elements, or no way to divide them.
 */
function divided(extents: readonly number[]) {
  const count = extents.reduce((n, d) => n * d, 1);
  if (count <= LONG) return null;
  let at = extents.length - 1;
  for (let within = 1; at > 0 && within * extents[at] <= Math.sqrt(count); at--) within *= extents[at];
  let parts = Math.floor(Math.sqrt(extents[at]));
  while (extents[at] % parts !== 0) parts--;
  const outer = [...extents.slice(0, at), parts];
  return outer.every((n) => n === 1) ? null : { at, outer, size: extents[at] / parts };
}

/** out[ix] = finish(fold of element(ix, rx) over all rx below `extents`). */
export function fold(
  b: LowerContext['b'],
  dtype: DType,
  shape: readonly number[],
  extents: readonly number[],
  monoid: Monoid,
  element: (ix: Indices, rx: Indices) => Expr,
  finish?: (state: Indices, ix: Indices) => Expr,
): TileTensor {
  const type: ComputeType = computeType(dtype);
  const split = divided(extents);
  if (!split || !FLOATING.has(type) || !isUnordered(monoid)) {
    return b.reduce(dtype, shape, extents, monoid, element, finish);
  }
  const { at, outer, size } = split;
  const partial = b.reduce(type, [...shape, ...outer], [size, ...extents.slice(at + 1)], monoid, (ix, [r, ...rest]) => {
    const [own, leading] = [ix.slice(0, shape.length), ix.slice(shape.length)];
    return element(own, [...leading.slice(0, at), add(mul(leading[at], index(size)), r), ...rest]);
  });
  return b.reduce(dtype, shape, outer, monoid, (ix, rx) => load(partial, [...ix, ...rx]), finish);
}
