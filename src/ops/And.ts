// ONNX And: logical and with broadcasting.
import { and } from '../3-tile/expr.ts';
import { BOOL, binaryOp } from './elementwise.ts';

export const And = binaryOp('And', BOOL, and, { since: 7 });
