// ONNX ReduceLogSum: logarithm of the sum over axes; of nothing minus infinity.
import { log } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';
import { viaReal } from './scalar-math.ts';

export const ReduceLogSum = foldOp('ReduceLogSum', { monoid: sum, finish: (s) => viaReal(s, log) });
