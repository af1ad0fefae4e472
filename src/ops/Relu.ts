// ONNX Relu since 14: max(x, 0).
import { constant, max } from '../3-tile/expr.ts';
import { NUMERIC, unaryOp } from './elementwise.ts';

export const Relu = unaryOp('Relu', NUMERIC, (x) => max(x, constant(x.dtype, 0)));
