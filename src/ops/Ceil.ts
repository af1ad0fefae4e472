// ONNX Ceil: smallest integer not below each element.
import { ceil } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Ceil = unaryOp('Ceil', FLOATS, ceil, { since: 1 });
