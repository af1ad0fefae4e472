// ONNX Reciprocal: 1 / x of each element.
import { div } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import { like } from './scalar-math.ts';

export const Reciprocal = unaryOp('Reciprocal', FLOATS, (x) => div(like(x, 1), x), { since: 1 });
