// ONNX Abs: absolute value of each element; the smallest integer stays itself.
import { abs } from '../3-tile/expr.ts';
import { NUMERIC, unaryOp } from './elementwise.ts';

export const Abs = unaryOp('Abs', NUMERIC, abs, { since: 1 });
