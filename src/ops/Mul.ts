// ONNX Mul: x * y with broadcasting; integers wrap.
import { mul } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Mul = binaryOp('Mul', NUMERIC, mul, { since: 7 });
