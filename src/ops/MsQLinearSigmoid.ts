// com.microsoft QLinearSigmoid: 1 / (1 + exp(-x)) of a quantised tensor.
import { qlinearOp } from './qlinear-elementwise.ts';
import { sigmoid } from './scalar-math.ts';

export const MsQLinearSigmoid = qlinearOp('QLinearSigmoid', 1, ([x]) => sigmoid(x));
