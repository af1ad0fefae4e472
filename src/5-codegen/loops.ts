// Loops over tiled axes. In: an axis, how much of it one step covers, and what to do with the rest.
// Out: the loop statement around a body that sees the first index of each step.
import { type Expr, index, localExpr, min, newLocal } from '../3-tile/expr.ts';
import type { Stmt } from '../3-tile/tile-op.ts';

export type BodyAt = (base: Expr) => readonly Stmt[];

/** from, from + step, … below to. */
export function countedLoop(name: string, from: number, to: number, step: number, body: BodyAt): readonly Stmt[] {
  if (from >= to) return [];
  if (from + step >= to) return body(index(from));
  const local = newLocal(name, 'i32');
  const inner = body(localExpr(local));
  return [{ kind: 'for', index: local, from: index(from), to: index(to), step, body: inner }];
}

/** Steps of `step` below `extent`; the last one moves back so that it ends at `extent`. */
export function shiftedLoop(name: string, extent: number, step: number, body: BodyAt): readonly Stmt[] {
  if (extent % step === 0) return countedLoop(name, 0, extent, step, body);
  const first = newLocal(`${name}0`, 'i32');
  return countedLoop(name, 0, extent, step, (i) => [
    { kind: 'set', local: first, value: min(i, index(extent - step)) },
    ...body(localExpr(first)),
  ]);
}
