// ONNX HannWindow since 17.
import { windowOp } from './window-functions.ts';

export const HannWindow = windowOp('HannWindow', [0.5, -0.5, 0]);
