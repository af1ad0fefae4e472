// ONNX Sub: x - y with broadcasting; integers wrap.
import { sub } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Sub = binaryOp('Sub', NUMERIC, sub, { since: 7 });
