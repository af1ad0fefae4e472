// ONNX Div: x / y with broadcasting; integers truncate.
import { div } from '../3-tile/expr.ts';
import { binaryOp, NUMERIC } from './elementwise.ts';

export const Div = binaryOp('Div', NUMERIC, div, { since: 7 });
