// ONNX CumSum since 11: running sums along one axis.
import { add } from '../3-tile/expr.ts';
import { runningOp } from './cumulative.ts';

export const CumSum = runningOp('CumSum', 11, 0, add);
