// ONNX Less: x < y with broadcasting.
import { lt } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Less = binaryOp('Less', NUMERIC, lt, { since: 7, result: 'bool' });
