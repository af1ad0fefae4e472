// From a canonical operator to one that code generation has forms for: scalar functions become
// arithmetic. In: any canonical TileOp. Out: an equal one within the functions' stated accuracy.
import type { Expr } from '../3-tile/expr.ts';
import { legalise } from '../3-tile/rules/legalise.ts';
import type { TileOp } from '../3-tile/tile-op.ts';

/** The operator without scalar functions. */
export function prepare(op: TileOp): TileOp {
  const memo = new Map<Expr, Expr>();
  const over = (e: Expr): Expr => legalise(e, memo);
  const { reduce } = op;
  return {
    ...op,
    value: over(op.value),
    at: op.at.map(over),
    reduce: reduce && {
      ...reduce,
      elems: reduce.elems.map(over),
      monoid: {
        ...reduce.monoid,
        combine: reduce.monoid.combine.map(over),
        merge: reduce.monoid.merge?.map(over) ?? null,
      },
    },
  };
}
