// ONNX DequantizeLinear since 10.
import { dequantizeOp } from './linear-quantisation.ts';

export const DequantizeLinear = dequantizeOp('', 10);
