// ONNX ReduceMin: smallest over axes; of nothing the highest value of the type.
import { minimum } from '../3-tile/monoids.ts';
import { COMPARABLE, foldOp } from './reduce.ts';

export const ReduceMin = foldOp('ReduceMin', { types: COMPARABLE, monoid: minimum });
