// ONNX ReduceSum: sum over axes; of nothing 0.
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';

export const ReduceSum = foldOp('ReduceSum', { monoid: sum });
