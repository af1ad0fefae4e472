// ONNX LeakyRelu: alpha * x of negative elements, others stay.
import { type Expr, lt, mul, select } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const alpha = like(x, c.float('alpha', 0.01));
  return select(lt(x, like(x, 0)), mul(alpha, x), x);
}

export const LeakyRelu = unaryOp('LeakyRelu', FLOATS, f, { since: 1 });
