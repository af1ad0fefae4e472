// ONNX Tanh: hyperbolic tangent of each element.
import { tanh } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Tanh = unaryOp('Tanh', FLOATS, tanh, { since: 1 });
