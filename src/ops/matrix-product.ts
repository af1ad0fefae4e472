// Matrix products as NumPy does them, with the element product and the finish left open: batch axes
// broadcast, rank-1 operands gain a unit axis that the result loses. Shared by the float and the
// integer products.

import { type ComputeType, type Expr, index, load } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import { broadcastShapes } from './elementwise.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';

/** [batch…, M, K] of a left operand and [batch…, K, N] of a right one, unit axes added. */
const asLeft = <T>(s: readonly T[], one: T): readonly T[] => (s.length === 1 ? [one, s[0]] : s);
const asRight = <T>(s: readonly T[], one: T): readonly T[] => (s.length === 1 ? [s[0], one] : s);

/** Shape of the product of two shapes. */
export function productShape(c: InferContext, a: readonly Dim[], b: readonly Dim[]): Dim[] {
  if (a.length === 0 || b.length === 0) c.fail('operands must have at least one dimension');
  const [l, r] = [asLeft<Dim>(a, 1), asRight<Dim>(b, 1)];
  const [k1, k2] = [l[l.length - 1], r[r.length - 2]];
  if (isStatic(k1) && isStatic(k2) && k1 !== k2) c.fail(`inner extents ${k1} and ${k2} differ`);
  const batch = broadcastShapes(c, l.slice(0, -2), r.slice(0, -2));
  return [...batch, ...(a.length > 1 ? [l[l.length - 2]] : []), ...(b.length > 1 ? [r[r.length - 1]] : [])];
}

/** Indices of an operand with batch axes broadcast. */
function matrixAt(t: TileTensor, bx: readonly Expr[], row: Expr, col: Expr): Expr[] {
  const batch = t.shape.slice(0, -2);
  const skip = bx.length - batch.length;
  return [...batch.map((d, i) => (d === 1 ? index(0) : bx[i + skip])), row, col];
}

/** A place in the result: batch indices, row and column. */
export interface Place {
  readonly batch: readonly Expr[];
  readonly row: Expr;
  readonly col: Expr;
}

export interface Product {
  readonly a: TileTensor;
  readonly b: TileTensor;
  readonly dtype: DType;
  readonly sumType: ComputeType;
  /** The summed element, of type `sumType`. */
  readonly term: (a: Expr, b: Expr, at: Place) => Expr;
  /** The stored value, of the compute type of `dtype`. */
  readonly finish?: (total: Expr, at: Place) => Expr;
}

/** Emits the product; the result has `shape`. */
export function matrixProduct(c: LowerContext, p: Product, shape: readonly number[]): TileTensor {
  const left = c.b.view(p.a, asLeft(p.a.shape, 1));
  const right = c.b.view(p.b, asRight(p.b.shape, 1));
  const [m, k, n] = [left.shape.at(-2)!, left.shape.at(-1)!, right.shape.at(-1)!];
  const batch = shape.slice(0, Math.max(left.shape.length, right.shape.length) - 2);
  const place = (ix: readonly Expr[]): Place => ({
    batch: ix.slice(0, -2),
    row: ix[ix.length - 2],
    col: ix[ix.length - 1],
  });
  const out = c.b.reduce(
    p.dtype,
    [...batch, m, n],
    [k],
    sum(p.sumType),
    (ix, [r]) => {
      const at = place(ix);
      return p.term(
        load(left, matrixAt(left, at.batch, at.row, r)),
        load(right, matrixAt(right, at.batch, r, at.col)),
        at,
      );
    },
    ([total], ix) => (p.finish ? p.finish(total, place(ix)) : total),
  );
  return c.b.view(out, shape);
}
