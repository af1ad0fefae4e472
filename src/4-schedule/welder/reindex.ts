// Indices through a reshape. In: indices of one shape. Out: indices of another shape of as many
// elements in the same row-major order, where no division is needed.
import { add, type Expr, index, mul } from '../../3-tile/expr.ts';

/**
 * Indices into `to` of the element that `at` names in `from`; null where an extent of `from` would
 * have to be split.
 */
export function reindex(
  from: readonly number[],
  at: readonly Expr[],
  to: readonly number[],
): readonly Expr[] | null {
  if (from.length === to.length && from.every((d, i) => d === to[i])) return at;
  const out: Expr[] = [];
  let i = 0;
  for (const extent of to) {
    if (extent === 1) {
      out.push(index(0));
      continue;
    }
    let size = 1;
    let e: Expr | null = null;
    for (; size < extent && i < from.length; i++) {
      if (from[i] === 1) continue;
      e = e ? add(mul(e, index(from[i])), at[i]) : at[i];
      size *= from[i];
    }
    if (size !== extent || !e) return null;
    out.push(e);
  }
  return out;
}
