// ONNX Asinh: inverse hyperbolic sine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Asinh = unaryOp('Asinh', FLOATS, (x) => unary('asinh', x), { since: 1 });
