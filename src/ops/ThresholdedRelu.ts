// ONNX ThresholdedRelu: elements above alpha, 0 for the others.
import { type Expr, gt, select } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  return select(gt(x, like(x, c.float('alpha', 1))), x, like(x, 0));
}

export const ThresholdedRelu = unaryOp('ThresholdedRelu', FLOATS, f, { since: 1 });
