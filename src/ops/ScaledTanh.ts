// ONNX ScaledTanh: alpha * tanh(beta * x) of each element (experimental, before opset 7).
import { type Expr, mul, tanh } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  return mul(like(x, c.float('alpha', 0)), tanh(mul(like(x, c.float('beta', 0)), x)));
}

export const ScaledTanh = unaryOp('ScaledTanh', FLOATS, f, { since: 1 });
