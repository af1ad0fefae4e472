// ONNX Sigmoid: 1 / (1 + exp(-x)) of each element.
import { sigmoid } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Sigmoid = unaryOp('Sigmoid', FLOATS, sigmoid, { since: 1 });
