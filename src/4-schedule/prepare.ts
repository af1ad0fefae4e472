// From a canonical operator to one that code generation has forms for: scalar functions become
// arithmetic. In: any canonical TileOp. Out: an equal one within the functions' stated accuracy.
import type { Expr } from '../3-tile/expr.ts';
import { legalise } from '../3-tile/rules/legalise.ts';
import type { TileOp } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import { mapOp } from './transform.ts';

/** The operator without scalar functions. */
export function prepare(op: TileOp, device: Device): TileOp {
  const memo = new Map<Expr, Expr>();
  const over = (e: Expr): Expr => legalise(e, device.fma !== 'none', memo);
  const prepared = mapOp(op, over);
  const { reduce } = prepared;
  if (!reduce) return prepared;
  const { monoid } = reduce;
  const combine = monoid.combine.map(over);
  return { ...prepared, reduce: { ...reduce, monoid: { ...monoid, combine, merge: monoid.merge?.map(over) ?? null } } };
}
