// ONNX Exp: e to the power of each element.
import { exp } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Exp = unaryOp('Exp', FLOATS, exp, { since: 1 });
