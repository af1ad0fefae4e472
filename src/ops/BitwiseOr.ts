// ONNX BitwiseOr: bitwise or with broadcasting.
import { or } from '../3-tile/expr.ts';
import { binaryOp, INTEGERS } from './elementwise.ts';

export const BitwiseOr = binaryOp('BitwiseOr', INTEGERS, or, { since: 18 });
