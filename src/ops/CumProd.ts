// ONNX CumProd since 26: running products along one axis.
import { mul } from '../3-tile/expr.ts';
import { runningOp } from './cumulative.ts';

export const CumProd = runningOp('CumProd', 26, 1, mul);
