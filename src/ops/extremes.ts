// The monoid of the index of an extreme element, for ArgMax, Hardmax, pooling with indices and sampling.
import { acc, and, type ComputeType, type Expr, elem, eq, gt, isnan, lt, not, or, select } from '../3-tile/expr.ts';
import { highest, lowest } from '../3-tile/monoids.ts';
import type { Monoid } from '../3-tile/tile-op.ts';

/**
 * Index of the extreme element. State and element: (value, index, seen bool); elements arrive in index order. NaN counts
 * as the extreme, as in NumPy. `last` keeps the last of equal values. Indices of 32 bits let values run across lanes.
 */
export function argExtreme(t: ComputeType, kind: 'max' | 'min', last: boolean, at: 'i64' | 'i32' = 'i64'): Monoid {
  const [a, e] = [acc(0, t), elem(0, t)];
  const strict = kind === 'max' ? gt(e, a) : lt(e, a);
  const better = last ? or(strict, eq(e, a)) : strict;
  const wins: Expr = t === 'f32' || t === 'f64' ? or(and(better, not(isnan(a))), and(isnan(e), not(isnan(a)))) : better;
  const take = or(wins, not(acc(2, 'bool')));
  const joined = (taken: Expr): readonly Expr[] => [
    select(taken, e, a),
    select(taken, elem(1, at), acc(1, at)),
    or(acc(2, 'bool'), elem(2, 'bool')),
  ];
  return {
    name: `arg${kind}`,
    state: [t, at, 'bool'],
    init: [kind === 'max' ? lowest(t) : highest(t), at === 'i64' ? 0n : 0, 0],
    combine: joined(take),
    merge: joined(and(elem(2, 'bool'), take)),
  };
}
