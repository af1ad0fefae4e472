// com.microsoft QuantizeLinear: the ONNX operator under another domain.
import { quantizeOp } from './linear-quantisation.ts';

export const MsQuantizeLinear = quantizeOp('com.microsoft', 1);
