// ONNX Atan: arc tangent of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Atan = unaryOp('Atan', FLOATS, (x) => unary('atan', x), { since: 1 });
