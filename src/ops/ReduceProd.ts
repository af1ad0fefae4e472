// ONNX ReduceProd: product over axes; of nothing 1.
import { product } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';

export const ReduceProd = foldOp('ReduceProd', { monoid: product });
