// ONNX Asin: arc sine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Asin = unaryOp('Asin', FLOATS, (x) => unary('asin', x), { since: 1 });
