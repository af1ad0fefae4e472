// ONNX HardSigmoid: max(0, min(1, alpha * x + beta)) of each element.
import { add, type Expr, mul } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { clamp, like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const line = add(mul(like(x, c.float('alpha', 0.2)), x), like(x, c.float('beta', 0.5)));
  return clamp(line, like(x, 0), like(x, 1));
}

export const HardSigmoid = unaryOp('HardSigmoid', FLOATS, f, { since: 1 });
