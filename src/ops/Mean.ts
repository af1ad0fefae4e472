// ONNX Mean since 8: mean of one or more inputs, element by element, with broadcasting.
import { add, div } from '../3-tile/expr.ts';
import { FLOATS, variadicOp } from './elementwise.ts';
import { like } from './scalar-math.ts';

export const Mean = variadicOp('Mean', FLOATS, add, (total, count) => div(total, like(total, count)));
