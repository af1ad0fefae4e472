// ONNX Log: natural logarithm of each element.
import { log } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Log = unaryOp('Log', FLOATS, log, { since: 1 });
