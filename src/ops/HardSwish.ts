// ONNX HardSwish: x * max(0, min(1, x / 6 + 1 / 2)) of each element.
import { add, div, mul } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import { clamp, like } from './scalar-math.ts';

export const HardSwish = unaryOp(
  'HardSwish',
  FLOATS,
  (x) => mul(x, clamp(add(div(x, like(x, 6)), like(x, 0.5)), like(x, 0), like(x, 1))),
  { since: 14 },
);
