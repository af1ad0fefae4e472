// ONNX QuantizeLinear since 10.
import { quantizeOp } from './linear-quantisation.ts';

export const QuantizeLinear = quantizeOp('', 10);
