// Products of 8-bit integer matrices less their zero points, summed in i32. Zero points and scales are
// scalars, one per row of A or column of B, or tensors that broadcast against the result.

import { broadcastLoad } from '../3-tile/builder.ts';
import { cast, type Expr, index, load, mul, sub } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { elementCount } from '../ir/tensor.ts';
import { matrixProduct, type Place, type Product } from './matrix-product.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';

type Side = 'row' | 'col';

/** Refuses a parameter that is neither a scalar, nor one per row or column, nor broadcasts so. */
export function checkMatrixParameter(c: InferContext, i: number, operand: number, side: Side, what: string): void {
  if (!c.has(i)) return;
  const [dims, matrix] = [c.dims(i), c.dims(operand)];
  if (!dims.every(isStatic) || elementCount(dims as number[]) === 1) return;
  const lines = matrix.length < 2 ? 1 : matrix[matrix.length - (side === 'row' ? 2 : 1)];
  const own = dims.length === 1 ? dims[0] : dims[dims.length - (side === 'row' ? 2 : 1)];
  const across = dims.length === 1 ? 1 : dims[dims.length - (side === 'row' ? 1 : 2)];
  if (across === 1 && (own === lines || !isStatic(lines)) && dims.length <= Math.max(matrix.length, 1)) return;
  c.fail(`${what} has shape [${dims}], expected a scalar or one per ${side === 'row' ? 'row' : 'column'} (${lines})`);
}

/** The parameter at a place of the result. */
export function matrixParameter(t: TileTensor, at: Place, side: Side): Expr {
  if (elementCount(t.shape) === 1)
    return load(
      t,
      t.shape.map(() => index(0)),
    );
  if (t.shape.length === 1) return load(t, [at[side]]);
  return broadcastLoad(t, [...at.batch, at.row, at.col]);
}

/** Inputs of an operator that hold A, B and their optional zero points. */
export interface IntegerOperands {
  readonly a: number;
  readonly b: number;
  readonly aZero: number;
  readonly bZero: number;
}

/** Refuses zero points of another type or shape than their operands allow. */
export function checkIntegerOperands(c: InferContext, o: IntegerOperands): void {
  for (const [x, zero, side] of [
    [o.a, o.aZero, 'row'],
    [o.b, o.bZero, 'col'],
  ] as const) {
    if (c.has(zero) && c.dtype(zero) !== c.dtype(x)) {
      c.fail(`a zero point is ${c.dtype(zero)}, its operand ${c.dtype(x)}`, undefined, 'UNSUPPORTED_TYPE');
    }
    checkMatrixParameter(c, zero, x, side, 'a zero point');
  }
}

/** The product; `finish` sees the exact i32 sum. */
export function integerProduct(
  c: LowerContext,
  o: IntegerOperands,
  result: Pick<Product, 'dtype' | 'finish'>,
): TileTensor {
  const less = (e: Expr, zero: number, at: Place, side: Side): Expr =>
    c.has(zero) ? sub(e, matrixParameter(c.tensor(zero), at, side)) : e;
  return matrixProduct(
    c,
    {
      ...result,
      a: c.tensor(o.a),
      b: c.tensor(o.b),
      sumType: 'i32',
      term: (a, b, at) => mul(cast('i32', less(a, o.aZero, at, 'row')), cast('i32', less(b, o.bZero, at, 'col'))),
    },
    c.outShape(),
  );
}
