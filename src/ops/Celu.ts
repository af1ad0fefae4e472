// ONNX Celu: max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) of each element.
import { add, div, type Expr, max, min, mul } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { expm1, like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const alpha = like(x, c.float('alpha', 1));
  const zero = like(x, 0);
  return add(max(zero, x), min(zero, mul(alpha, expm1(div(x, alpha)))));
}

export const Celu = unaryOp('Celu', FLOATS, f, { since: 12 });
