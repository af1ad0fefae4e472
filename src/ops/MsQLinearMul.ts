// com.microsoft QLinearMul: product of two quantised tensors, broadcast.
import { mul } from '../3-tile/expr.ts';
import { qlinearOp } from './qlinear-elementwise.ts';

export const MsQLinearMul = qlinearOp('QLinearMul', 2, ([x, y]) => mul(x, y));
