// ONNX ReduceL1: sum of absolute values over axes.
import { abs } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';

export const ReduceL1 = foldOp('ReduceL1', { monoid: sum, elem: abs });
