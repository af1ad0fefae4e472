// ONNX ReduceMax: largest over axes; of nothing the lowest value of the type.
import { maximum } from '../3-tile/monoids.ts';
import { COMPARABLE, foldOp } from './reduce.ts';

export const ReduceMax = foldOp('ReduceMax', { types: COMPARABLE, monoid: maximum });
