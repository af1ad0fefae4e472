// ONNX Acosh: inverse hyperbolic cosine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Acosh = unaryOp('Acosh', FLOATS, (x) => unary('acosh', x), { since: 1 });
