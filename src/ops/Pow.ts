// ONNX Pow since 7: x to the power y with broadcasting; the result has the type of x. Integer powers of
// integers are exact modulo the width; an integer base with a real exponent truncates.
import { cast, type Expr, pow } from '../3-tile/expr.ts';
import { binaryOp, broadcastShapes, NUMERIC } from './elementwise.ts';
import { isFloatExpr } from './scalar-math.ts';

function power(x: Expr, y: Expr): Expr {
  if (isFloatExpr(x)) {
    return x.dtype === 'f32' && y.dtype === 'f64' ? cast('f32', pow(cast('f64', x), y)) : pow(x, cast(x.dtype, y));
  }
  if (isFloatExpr(y)) return cast(x.dtype, pow(cast('f64', x), cast('f64', y)));
  return pow(x, cast(x.dtype, y));
}

export const Pow = binaryOp('Pow', NUMERIC, power, {
  since: 7,
  infer: (c) => [c.tensor(c.dtype(0), broadcastShapes(c, c.dims(0), c.dims(1)))],
});
