// ONNX BitwiseAnd: bitwise and with broadcasting.
import { and } from '../3-tile/expr.ts';
import { binaryOp, INTEGERS } from './elementwise.ts';

export const BitwiseAnd = binaryOp('BitwiseAnd', INTEGERS, and, { since: 18 });
