// ONNX Round: nearest integer of each element, ties to even.
import { nearest } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Round = unaryOp('Round', FLOATS, nearest, { since: 1 });
