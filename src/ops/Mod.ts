// ONNX Mod since 10: remainder with the sign of the divisor (integers), or of the dividend with fmod=1.

import { add, and, type Expr, lt, ne, rem, select, xor } from '../3-tile/expr.ts';
import { isFloat } from '../ir/dtype.ts';
import { binaryOp, broadcastShapes, NUMERIC, sameTypes } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { like } from './scalar-math.ts';

function mod(x: Expr, y: Expr, c: LowerContext): Expr {
  const r = rem(x, y);
  if (c.int('fmod', 0) === 1 || r.dtype === 'u32' || r.dtype === 'u64') return r;
  const zero = like(r, 0);
  const opposite = lt(xor(r, y), zero);
  return select(and(ne(r, zero), opposite), add(r, y), r);
}

export const Mod = binaryOp('Mod', NUMERIC, mod, {
  since: 10,
  infer: (c) => {
    sameTypes(c);
    if (isFloat(c.dtype(0)) && c.int('fmod', 0) !== 1) {
      c.fail('floating point operands need fmod=1', 'Set the attribute fmod to 1.', 'INVALID_MODEL');
    }
    return [c.tensor(c.dtype(0), broadcastShapes(c, c.dims(0), c.dims(1)))];
  },
});
