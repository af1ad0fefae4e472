// ONNX LessOrEqual: x <= y with broadcasting.
import { le } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const LessOrEqual = binaryOp('LessOrEqual', NUMERIC, le, { since: 7, result: 'bool' });
