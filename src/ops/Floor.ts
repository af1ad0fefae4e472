// ONNX Floor: largest integer not above each element.
import { floor } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Floor = unaryOp('Floor', FLOATS, floor, { since: 1 });
