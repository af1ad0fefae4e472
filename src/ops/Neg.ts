// ONNX Neg: each element with the opposite sign.
import { neg } from '../3-tile/expr.ts';
import { SIGNED_NUMERIC, unaryOp } from './elementwise.ts';

export const Neg = unaryOp('Neg', SIGNED_NUMERIC, neg, { since: 1 });
