// ONNX Sigmoid: 1 / (1 + exp(-x)) of each element.
import { FLOATS, unaryOp } from './elementwise.ts';
import { sigmoid } from './scalar-math.ts';

export const Sigmoid = unaryOp('Sigmoid', FLOATS, sigmoid, { since: 1 });
