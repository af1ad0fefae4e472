// ONNX Det since 11: determinants of square matrices, by elimination with row exchanges on a copy.

import {
  abs,
  add,
  computeType,
  constant,
  div,
  type Expr,
  gt,
  index,
  load,
  mul,
  ne,
  neg,
  select,
  sub,
} from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { elementCount } from '../ir/tensor.ts';
import { FLOATS } from './elementwise.ts';
import { type InferContext, op, type TileTensor } from './op.ts';
import { variable, when } from './statements.ts';

function squareBatch(c: InferContext): readonly Dim[] {
  const dims = c.dims(0);
  const [rows, cols] = dims.slice(-2);
  if (dims.length < 2) c.fail(`rank ${dims.length} has no matrices`);
  if (isStatic(rows) && isStatic(cols) && rows !== cols) c.fail(`matrices of ${rows}×${cols} are not square`);
  return dims.slice(0, -2);
}

/** Multiplies the pivots of work[b] (n×n) into out[b]. */
function eliminate(work: TileTensor, out: TileTensor, b: Expr, n: number): Stmt[] {
  const t = computeType(work.dtype);
  const [det, best, swap, factor] = [
    variable('det', t),
    variable('best', 'i32'),
    variable('swap', t),
    variable('factor', t),
  ];
  const at = (r: Expr, k: Expr): Expr => load(work, [b, r, k]);
  const pivot = (k: Expr): Stmt[] => [
    best.set(k),
    loopFrom(add(k, index(1)), n, (r) => [best.set(select(gt(abs(at(r, k)), abs(at(best.read, k))), r, best.read))]),
    when(ne(best.read, k), [
      det.set(neg(det.read)),
      loopFrom(0, n, (j) => [
        swap.set(at(k, j)),
        store(work, [b, k, j], at(best.read, j)),
        store(work, [b, best.read, j], swap.read),
      ]),
    ]),
    det.set(mul(det.read, at(k, k))),
  ];
  const clear = (k: Expr): Stmt =>
    when(ne(at(k, k), constant(t, 0)), [
      loopFrom(add(k, index(1)), n, (r) => [
        factor.set(div(at(r, k), at(k, k))),
        loopFrom(k, n, (j) => [store(work, [b, r, j], sub(at(r, j), mul(factor.read, at(k, j))))]),
      ]),
    ]);
  return [det.set(constant(t, 1)), loopFrom(0, n, (k) => [...pivot(k), clear(k)]), store(out, [b], det.read)];
}

export const Det = op({
  name: 'Det',
  since: 11,
  types: { 0: FLOATS },
  infer: (c) => [c.tensor(c.dtype(0), squareBatch(c))],
  lower: (c) => {
    const x = c.tensor(0);
    const [n, count] = [x.shape[x.shape.length - 1], elementCount(c.outShape())];
    const flat = c.b.view(x, [count, n, n]);
    const work = c.b.map(computeType(x.dtype), flat.shape, (ix) => load(flat, ix));
    const out = c.b.alloc(x.dtype, [count]);
    c.b.routine([], [work, out], [loopFrom(0, count, (b) => eliminate(work, out, b, n))]);
    return [c.b.view(out, c.outShape())];
  },
});
