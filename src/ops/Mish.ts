// ONNX Mish: x * tanh(log(1 + exp(x))) of each element.
import { mul, tanh } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import { softplus } from './scalar-math.ts';

export const Mish = unaryOp('Mish', FLOATS, (x) => mul(x, tanh(softplus(x))), { since: 18 });
