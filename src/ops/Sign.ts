// ONNX Sign: -1, 0 or 1 by the sign of each element.
import { NUMERIC, unaryOp } from './elementwise.ts';
import { sign } from './scalar-math.ts';

export const Sign = unaryOp('Sign', NUMERIC, sign, { since: 9 });
