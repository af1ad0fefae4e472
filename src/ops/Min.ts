// ONNX Min since 8: smallest of one or more inputs, element by element, with broadcasting.
import { min } from '../3-tile/expr.ts';
import { NUMERIC, variadicOp } from './elementwise.ts';

export const Min = variadicOp('Min', NUMERIC, min);
