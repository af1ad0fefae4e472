// ONNX Gelu: x times the normal distribution function at x, exact or by its tanh form.
import type { Expr } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import type { LowerContext } from './op.ts';
import { gelu, geluTanh } from './scalar-math.ts';

const FORMS = new Map([
  ['none', gelu],
  ['tanh', geluTanh],
]);

function f(x: Expr, c: LowerContext): Expr {
  const form = FORMS.get(c.string('approximate', 'none'));
  return form ? form(x) : c.fail(`approximate is ${c.string('approximate', '')}, expected none or tanh`);
}

export const Gelu = unaryOp('Gelu', FLOATS, f, { since: 20 });
