// com.microsoft QLinearSigmoid: 1 / (1 + exp(-x)) of a quantised tensor.
import { sigmoid } from '../3-tile/expr.ts';
import { qlinearOp } from './qlinear-elementwise.ts';

export const MsQLinearSigmoid = qlinearOp('QLinearSigmoid', 1, ([x]) => sigmoid(x));
