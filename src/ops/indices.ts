// Run-time indices of the gather and scatter families: negative ones count from the end, and all are
// forced into range so that no access leaves its tensor. Indices known at compile time are refused
// when out of range; others leave a check in the program.

import { add, and, cast, constant, type Expr, ge, index, load, lt, max, min, select } from '../3-tile/expr.ts';
import { all } from '../3-tile/monoids.ts';
import { tensorNumbers } from '../ir/tensor.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';

/** An index of an axis as an i32 expression in 0…extent-1, from any integer expression. */
export function wrapIndex(i: Expr, extent: number): Expr {
  const inRange = max(min(i, constant(i.dtype, extent - 1)), constant(i.dtype, -extent));
  const narrow = cast('i32', inRange);
  return select(lt(narrow, index(0)), add(narrow, index(extent)), narrow);
}

/** Whether an index lies in -extent…extent-1. */
const isValid = (i: Expr, extent: number): Expr =>
  and(ge(i, constant(i.dtype, -extent)), lt(i, constant(i.dtype, extent)));

/** Refuses known indices of input `i` outside of the extents of the axes they address. */
export function refuseKnownIndices(c: InferContext, i: number, extents: readonly number[]): void {
  const known = c.maybeValue(i);
  if (!known) return;
  tensorNumbers(known).forEach((v, k) => {
    const extent = extents[k % extents.length];
    if (v < -extent || v >= extent) c.fail(`index ${v} is out of range for an axis of extent ${extent}`);
  });
}

/**
 * Adds a check that every index is in range. `extents` has one entry, or one per position along the
 * last axis of `indices`. Known indices have been checked by inference.
 */
export function checkIndices(c: LowerContext, i: number, extents: readonly number[]): void {
  const t: TileTensor = c.tensor(i);
  if (c.maybeValue(i) || t.shape.includes(0)) return;
  const rows = c.b.view(t, [t.shape.reduce((a, b) => a * b, 1) / extents.length, extents.length]);
  const ok = c.b.reduce('bool', [], [rows.shape[0]], all(), (_, [r]) =>
    extents.map((n, k) => isValid(load(rows, [r, index(k)]), n)).reduce(and),
  );
  c.b.check(ok, `an index is out of range for extents [${extents}]`);
}
