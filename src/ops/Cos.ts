// ONNX Cos: cosine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Cos = unaryOp('Cos', FLOATS, (x) => unary('cos', x), { since: 1 });
