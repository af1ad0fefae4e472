// From a canonical operator to one that code generation has forms for: scalar functions become
// arithmetic. In: any canonical TileOp. Out: an equal one within the functions' stated accuracy.
import type { Expr } from '../3-tile/expr.ts';
import type { TileOp } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import type { Lowering } from './schedule.ts';
import { mapOp } from './transform.ts';

/** The operator without scalar functions. */
export function prepare(op: TileOp, device: Device, lower: Lowering): TileOp {
  const memo = new Map<Expr, Expr>();
  const over = (e: Expr): Expr => lower.scalar(e, device, memo);
  const prepared = mapOp(op, over);
  const { reduce } = prepared;
  if (!reduce) return prepared;
  const { monoid } = reduce;
  const combine = monoid.combine.map(over);
  return { ...prepared, reduce: { ...reduce, monoid: { ...monoid, combine, merge: monoid.merge?.map(over) ?? null } } };
}
