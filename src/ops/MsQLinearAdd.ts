// com.microsoft QLinearAdd: sum of two quantised tensors, broadcast.
import { add } from '../3-tile/expr.ts';
import { qlinearOp } from './qlinear-elementwise.ts';

export const MsQLinearAdd = qlinearOp('QLinearAdd', 2, ([x, y]) => add(x, y));
