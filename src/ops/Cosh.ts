// ONNX Cosh: hyperbolic cosine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Cosh = unaryOp('Cosh', FLOATS, (x) => unary('cosh', x), { since: 1 });
