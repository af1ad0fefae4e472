// ONNX Softsign: x / (1 + |x|) of each element.
import { abs, add, div } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import { like } from './scalar-math.ts';

export const Softsign = unaryOp('Softsign', FLOATS, (x) => div(x, add(like(x, 1), abs(x))), { since: 1 });
