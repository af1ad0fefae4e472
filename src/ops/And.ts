// ONNX And: logical and with broadcasting.
import { and } from '../3-tile/expr.ts';
import { binaryOp, BOOL } from './elementwise.ts';

export const And = binaryOp('And', BOOL, and, { since: 7 });
