// ONNX HammingWindow since 17.
import { windowOp } from './window-functions.ts';

export const HammingWindow = windowOp('HammingWindow', [25 / 46, -21 / 46, 0]);
