// ONNX Acos: arc cosine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Acos = unaryOp('Acos', FLOATS, (x) => unary('acos', x), { since: 1 });
