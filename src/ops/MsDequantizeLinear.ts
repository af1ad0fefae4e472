// com.microsoft DequantizeLinear: the ONNX operator under another domain.
import { dequantizeOp } from './linear-quantisation.ts';

export const MsDequantizeLinear = dequantizeOp('com.microsoft', 1);
