// ONNX Selu: gamma * (alpha * exp(x) - alpha) of elements up to 0, gamma * x of others.
import { type Expr, gt, mul, select } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { expm1, like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const alpha = like(x, c.float('alpha', 1.6732632423543772));
  const gamma = like(x, c.float('gamma', 1.0507009873554805));
  return mul(gamma, select(gt(x, like(x, 0)), x, mul(alpha, expm1(x))));
}

export const Selu = unaryOp('Selu', FLOATS, f, { since: 1 });
