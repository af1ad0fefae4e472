// ONNX IsInf since 10: whether each element is infinite, of the signs asked for.
import { and, constant, type Expr, gt, isinf, lt } from '../3-tile/expr.ts';
import { ALL_FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function f(x: Expr, c: LowerContext): Expr {
  const [positive, negative] = [c.int('detect_positive', 1) !== 0, c.int('detect_negative', 1) !== 0];
  if (positive && negative) return isinf(x);
  if (!positive && !negative) return constant('bool', false);
  return and(isinf(x), (positive ? gt : lt)(x, like(x, 0)));
}

export const IsInf = unaryOp('IsInf', ALL_FLOATS, f, { since: 10, result: 'bool' });
