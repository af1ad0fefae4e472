// ONNX PRelu since 7: slope * x of negative elements, others stay; the slope broadcasts to x.

import { type Expr, lt, mul, select } from '../3-tile/expr.ts';
import type { DType } from '../ir/dtype.ts';
import { binaryOp, broadcastsTo, FLOATS, sameTypes } from './elementwise.ts';
import { like } from './scalar-math.ts';

const TYPES: readonly DType[] = [...FLOATS, 'i32', 'u32', 'i64', 'u64'];

const prelu = (x: Expr, slope: Expr): Expr =>
  x.dtype.startsWith('u') ? x : select(lt(x, like(x, 0)), mul(slope, x), x);

export const PRelu = binaryOp('PRelu', TYPES, prelu, {
  since: 7,
  infer: (c) => {
    sameTypes(c);
    broadcastsTo(c, c.dims(1), c.dims(0));
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
});
