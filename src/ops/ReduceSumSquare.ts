// ONNX ReduceSumSquare: sum of squares over axes.
import { mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';

export const ReduceSumSquare = foldOp('ReduceSumSquare', { monoid: sum, elem: (x) => mul(x, x) });
