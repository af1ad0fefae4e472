// ONNX Sin: sine of each element.
import { unary } from '../3-tile/expr.ts';
import { FLOATS, unaryOp } from './elementwise.ts';

export const Sin = unaryOp('Sin', FLOATS, (x) => unary('sin', x), { since: 1 });
