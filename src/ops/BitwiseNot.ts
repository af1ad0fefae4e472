// ONNX BitwiseNot: each bit of each element flipped.
import { not } from '../3-tile/expr.ts';
import { INTEGERS, unaryOp } from './elementwise.ts';

export const BitwiseNot = unaryOp('BitwiseNot', INTEGERS, not, { since: 18 });
