// ONNX Or: logical or with broadcasting.
import { or } from '../3-tile/expr.ts';
import { BOOL, binaryOp } from './elementwise.ts';

export const Or = binaryOp('Or', BOOL, or, { since: 7 });
