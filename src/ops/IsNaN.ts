// ONNX IsNaN since 9: whether each element is not a number.
import { isnan } from '../3-tile/expr.ts';
import { ALL_FLOATS, unaryOp } from './elementwise.ts';

export const IsNaN = unaryOp('IsNaN', ALL_FLOATS, isnan, { since: 9, result: 'bool' });
