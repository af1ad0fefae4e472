// ONNX GreaterOrEqual: x >= y with broadcasting.
import { ge } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const GreaterOrEqual = binaryOp('GreaterOrEqual', NUMERIC, ge, { since: 7, result: 'bool' });
