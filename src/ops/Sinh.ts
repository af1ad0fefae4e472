// ONNX Sinh: hyperbolic sine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Sinh = unaryOp('Sinh', FLOATS, (x) => unary('sinh', x), { since: 1 });
