// ONNX Xor: logical xor with broadcasting.
import { xor } from '../3-tile/expr.ts';
import { BOOL, binaryOp } from './elementwise.ts';

export const Xor = binaryOp('Xor', BOOL, xor, { since: 7 });
