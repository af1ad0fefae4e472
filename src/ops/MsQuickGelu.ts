// com.microsoft QuickGelu: x * sigmoid(alpha * x).
import { mul, sigmoid } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';
import { like } from './scalar-math.ts';

export const MsQuickGelu = unaryOp(
  'QuickGelu',
  FLOATS,
  (x, c) => mul(x, sigmoid(mul(like(x, c.float('alpha', 1.702)), x))),
  { domain: 'com.microsoft' },
);
