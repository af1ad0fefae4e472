// CumSum and CumProd: running folds along one axis as a routine, forwards or backwards, with or
// without the element itself. Narrow floats accumulate in f32.

import { type ComputeType, computeType, constant, type Expr, index, load, sub } from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { DType } from '../ir/dtype.ts';
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
  const total = variable('total', t);
  const [exclusive, reverse] = [c.int('exclusive', 0) !== 0, c.int('reverse', 0) !== 0];
  c.b.routine(
    [x],
    [out],
    loopNest(
      x.shape.map((d, i) => (i === axis ? 1 : d)),
      (ix) => [
        total.set(constant(t, start)),
        loopFrom(0, length, (k) => {
          const at = ix.map((e, i) => (i === axis ? (reverse ? sub(index(length - 1), k) : k) : e));
          const step = total.set(combine(total.read, load(x, at)));
          const put = store(out, at, total.read);
          return exclusive ? [put, step] : [step, put];
        }),
      ],
    ),
  );
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
