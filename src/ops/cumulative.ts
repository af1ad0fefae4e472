// CumSum and CumProd: running folds along one axis as a routine, forwards or backwards, with or
// without the element itself. Narrow floats accumulate in f32.

import { type ComputeType, computeType, constant, type Expr, index, load, sub } from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import type { DType } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { INDEX } from './elementwise.ts';
import { type InferContext, type LowerContext, type OpDef, op } from './op.ts';
import { SUMMABLE } from './reduce.ts';
import { loopNest, variable } from './statements.ts';

function axisOf(c: InferContext | LowerContext, rank: number): number {
  const given = c.numbers(1);
  if (given.length !== 1) c.fail(`axis has ${given.length} elements, expected one`);
  return c.axis(given[0], rank);
}

function lowerRunning(
  c: LowerContext,
  start: number,
  combine: (a: Expr, b: Expr) => Expr,
): ReturnType<NonNullable<OpDef['lower']>> {
  const x = c.tensor(0);
  const axis = axisOf(c, x.shape.length);
  const length = x.shape[axis];
  const t: ComputeType = computeType(x.dtype);
  const out = c.b.alloc(x.dtype, x.shape);
  const [exclusive, reverse] = [c.int('exclusive', 0) !== 0, c.int('reverse', 0) !== 0];
  /** The loop over positions of the axis, forwards or backwards. */
  const along = (body: (at: Expr) => readonly Stmt[]): Stmt =>
    loopFrom(0, length, (k) => body(reverse ? sub(index(length - 1), k) : k));
  /** Takes the element at `at` into the total, and stores the total before or after it. */
  const step = (at: readonly Expr[], total: Expr, set: (value: Expr) => Stmt): readonly Stmt[] => {
    const taken = set(combine(total, load(x, at)));
    const put = store(out, at, total);
    return exclusive ? [put, taken] : [taken, put];
  };
  const [outer, inner] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  if (elementCount(inner) === 1) {
    const total = variable('total', t);
    const rest = inner.map(() => index(0));
    const body = loopNest(outer, (ix) => [
      total.set(constant(t, start)),
      along((k) => step([...ix, k, ...rest], total.read, total.set)),
    ]);
    c.b.routine([x], [out], body);
    return [out];
  }
  // Neighbours in memory run side by side, each with its own total.
  const totals = c.b.alloc(t as DType, inner);
  const body = loopNest(outer, (ix) => [
    ...loopNest(inner, (jx) => [store(totals, jx, constant(t, start))]),
    along((k) =>
      loopNest(inner, (jx) => step([...ix, k, ...jx], load(totals, jx), (value) => store(totals, jx, value))),
    ),
  ]);
  c.b.routine([x], [out, totals], body);
  return [out];
}

export function runningOp(
  name: string,
  since: number,
  start: number,
  combine: (a: Expr, b: Expr) => Expr,
  types: readonly DType[] = SUMMABLE,
): OpDef {
  return op({
    name,
    inputs: [2, 2],
    since,
    types: { 0: types, 1: INDEX },
    infer: (c) => {
      axisOf(c, c.rank(0));
      return [c.tensor(c.dtype(0), c.dims(0))];
    },
    lower: (c) => lowerRunning(c, start, combine),
  });
}
