// ONNX ReduceMean: mean over axes; integers truncate.
import { div } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { foldOp } from './reduce.ts';
import { like } from './scalar-math.ts';

export const ReduceMean = foldOp('ReduceMean', { monoid: sum, finish: (s, n) => div(s, like(s, n)) });
