// ONNX Softplus: log(1 + exp(x)) of each element.
import { FLOATS, unaryOp } from './elementwise.ts';
import { softplus } from './scalar-math.ts';

export const Softplus = unaryOp('Softplus', FLOATS, softplus, { since: 1 });
