// ONNX BitwiseXor: bitwise xor with broadcasting.
import { xor } from '../3-tile/expr.ts';
import { binaryOp, INTEGERS } from './elementwise.ts';

export const BitwiseXor = binaryOp('BitwiseXor', INTEGERS, xor, { since: 18 });
