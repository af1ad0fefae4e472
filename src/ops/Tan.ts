// ONNX Tan: tangent of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Tan = unaryOp('Tan', FLOATS, (x) => unary('tan', x), { since: 1 });
