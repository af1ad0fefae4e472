// ONNX Max since 8: largest of one or more inputs, element by element, with broadcasting.
import { max } from '../3-tile/expr.ts';
import { NUMERIC, variadicOp } from './elementwise.ts';

export const Max = variadicOp('Max', NUMERIC, max);
