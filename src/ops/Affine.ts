// ONNX Affine: alpha * x + beta of each element (experimental, before opset 7).
import { add, type Expr, mul } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  return add(mul(like(x, c.float('alpha', 1)), x), like(x, c.float('beta', 0)));
}

export const Affine = unaryOp('Affine', FLOATS, f, { since: 1 });
