// com.microsoft QLinearLeakyRelu: alpha * x of negative elements of a quantised tensor.
import { lt, mul, select } from '../3-tile/expr.ts';
import { qlinearOp } from './qlinear-elementwise.ts';
import { like } from './scalar-math.ts';

export const MsQLinearLeakyRelu = qlinearOp('QLinearLeakyRelu', 1, ([x], c) =>
  select(lt(x, like(x, 0)), mul(like(x, c.float('alpha', 0.01)), x), x),
);
