// ONNX Equal: x == y with broadcasting.
import { eq } from '../3-tile/expr.ts';
import { binaryOp, EQUATABLE } from './elementwise.ts';

export const Equal = binaryOp('Equal', EQUATABLE, eq, { since: 7, result: 'bool' });
