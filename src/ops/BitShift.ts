// ONNX BitShift since 11: unsigned elements shifted left or right; shifting by the width gives 0.

import { type Expr, ge, select, shl, shr } from '../3-tile/expr.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { binaryOp, UNSIGNED } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

const DIRECTIONS = new Map([
  ['LEFT', shl],
  ['RIGHT', shr],
]);

function shift(x: Expr, y: Expr, c: LowerContext): Expr {
  const direction = c.string('direction', '');
  const by = DIRECTIONS.get(direction) ?? c.fail(`direction is "${direction}", expected LEFT or RIGHT`);
  const zero = like(x, 0);
  return select(ge(y, like(y, dtypeInfo(c.dtype(0)).bits)), zero, by(x, y));
}

export const BitShift = binaryOp('BitShift', UNSIGNED, shift, { since: 11 });
