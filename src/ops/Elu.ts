// ONNX Elu: alpha * (exp(x) - 1) of negative elements, others stay.
import { type Expr, lt, mul, select } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { expm1, like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const alpha = like(x, c.float('alpha', 1));
  return select(lt(x, like(x, 0)), mul(alpha, expm1(x)), x);
}

export const Elu = unaryOp('Elu', FLOATS, f, { since: 1 });
