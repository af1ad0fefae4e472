// Indices through a reshape. In: indices of one shape. Out: indices of another shape of as many
// elements in the same row-major order. Divisions appear only where an extent is split, and vanish
// again where the index was put together from such parts.
import { add, div, type Expr, index, mul, rem } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { simplify } from '../../3-tile/simplify.ts';

/** Dimensions of two shapes that cover each other; those of extent 1 are in no group. */
export type DimGroup = Readonly<{ from: readonly number[]; to: readonly number[] }>;

/** The finest matching of dimensions, outer first; null when the element counts differ. */
export function dimGroups(from: readonly number[], to: readonly number[]): DimGroup[] | null {
  const groups: DimGroup[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    while (i < from.length && from[i] === 1) i++;
    while (j < to.length && to[j] === 1) j++;
    if (i === from.length || j === to.length) return i === from.length && j === to.length ? groups : null;
    const group = { from: [i], to: [j] };
    let [a, b] = [from[i++], to[j++]];
    while (a !== b) {
      if (a < b) {
        if (i === from.length) return null;
        if (from[i] !== 1) group.from.push(i);
        a *= from[i++];
      } else {
        if (j === to.length) return null;
        if (to[j] !== 1) group.to.push(j);
        b *= to[j++];
      }
    }
    groups.push(group);
  }
}

/** Row-major position of indices within these extents. */
export function flatten(extents: readonly number[], at: readonly Expr[]): Expr {
  let e = at[0];
  for (let i = 1; i < at.length; i++) e = add(mul(e, index(extents[i])), at[i]);
  return e;
}

/** The indices within these extents of a row-major position. */
export function unflatten(extents: readonly number[], position: Expr): Expr[] {
  const out: Expr[] = [];
  let stride = 1;
  for (let i = extents.length - 1; i >= 0; i--) {
    const q = stride === 1 ? position : div(position, index(stride));
    out.unshift(i === 0 ? q : rem(q, index(extents[i])));
    stride *= extents[i];
  }
  return extents.length > 1 ? out.map((e) => simplify(e)) : out;
}

/** Integer divisions below the roots. */
export function divisions(roots: readonly Expr[]): number {
  return walkExpr(...roots).filter((e) => e.dtype === 'i32' && (e.op === 'div' || e.op === 'rem')).length;
}

/** Indices into `to` of the element that `at` names in `from`; null where that takes a division, unless those are `allowed`. */
export function reindex(
  from: readonly number[],
  at: readonly Expr[],
  to: readonly number[],
  allowed = false,
): readonly Expr[] | null {
  if (from.length === to.length && from.every((d, i) => d === to[i])) return at;
  const groups = dimGroups(from, to);
  if (!groups) return null;
  const out = to.map(() => index(0));
  for (const g of groups) {
    const [extents, indices, parts] = [g.from.map((d) => from[d]), g.from.map((d) => at[d]), g.to.map((d) => to[d])];
    for (const [k, x] of unflatten(parts, flatten(extents, indices)).entries()) out[g.to[k]] = x;
  }
  return !allowed && divisions(out) > divisions(at) ? null : out;
}
