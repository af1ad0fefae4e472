// ONNX Erf: error function of each element; integers truncate the result.
import { erf } from '../3-tile/expr.ts';
import { NUMERIC, unaryOp } from './elementwise.ts';
import { viaReal } from './scalar-math.ts';

export const Erf = unaryOp('Erf', NUMERIC, (x) => viaReal(x, erf), { since: 9 });
