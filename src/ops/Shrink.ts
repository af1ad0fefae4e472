// ONNX Shrink: moves elements beyond lambd towards 0 by bias; the others become 0.
import { add, type Expr, gt, lt, neg, select, sub } from '../3-tile/expr.ts';
import { NUMERIC, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like, viaReal } from './scalar-math.ts';

function real(x: Expr, c: LowerContext): Expr {
  const [lambd, bias] = [like(x, c.float('lambd', 0.5)), like(x, c.float('bias', 0))];
  const above = select(gt(x, lambd), sub(x, bias), like(x, 0));
  return select(lt(x, neg(lambd)), add(x, bias), above);
}

const f = (x: Expr, c: LowerContext): Expr => viaReal(x, (r) => real(r, c));

export const Shrink = unaryOp('Shrink', NUMERIC, f, { since: 9 });
