// ONNX ParametricSoftplus: alpha * log(exp(beta * x) + 1) of each element (experimental, before opset 7).
import { type Expr, mul } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like, softplus } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  return mul(like(x, c.float('alpha', 0)), softplus(mul(like(x, c.float('beta', 0)), x)));
}

export const ParametricSoftplus = unaryOp('ParametricSoftplus', FLOATS, f, { since: 1 });
