// ONNX Atanh: inverse hyperbolic tangent of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Atanh = unaryOp('Atanh', FLOATS, (x) => unary('atanh', x), { since: 1 });
