// ONNX Not: logical negation of each element.
import { not } from '../3-tile/expr.ts';
import { BOOL, unaryOp } from './elementwise.ts';

export const Not = unaryOp('Not', BOOL, not, { since: 1 });
