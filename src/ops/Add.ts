// ONNX Add since 14: x + y with broadcasting; integers wrap.
import { add } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Add = binaryOp('Add', NUMERIC, add, { since: 7 });
