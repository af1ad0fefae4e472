// ONNX ReduceL2: square root of the sum of squares over axes.
import { mul, sqrt } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';
import { viaReal } from './scalar-math.ts';

export const ReduceL2 = foldOp('ReduceL2', { monoid: sum, elem: (x) => mul(x, x), finish: (s) => viaReal(s, sqrt) });
