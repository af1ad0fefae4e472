// ONNX Sqrt: square root of each element.
import { sqrt } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Sqrt = unaryOp('Sqrt', FLOATS, sqrt, { since: 1 });
