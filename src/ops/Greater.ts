// ONNX Greater: x > y with broadcasting.
import { gt } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Greater = binaryOp('Greater', NUMERIC, gt, { since: 7, result: 'bool' });
