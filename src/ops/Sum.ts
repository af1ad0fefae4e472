// ONNX Sum since 8: sum of one or more inputs, element by element, with broadcasting.
import { add } from '../3-tile/expr.ts';
import { FLOATS, variadicOp } from './elementwise.ts';

export const Sum = variadicOp('Sum', FLOATS, add);
