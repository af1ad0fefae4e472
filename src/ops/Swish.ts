// ONNX Swish: x * sigmoid(alpha * x) of each element.
import { type Expr, mul, sigmoid } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const alpha = like(x, c.float('alpha', 1));
  return mul(x, sigmoid(mul(alpha, x)));
}

export const Swish = unaryOp('Swish', FLOATS, f, { since: 24 });
