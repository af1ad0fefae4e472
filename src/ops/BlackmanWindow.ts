// ONNX BlackmanWindow since 17.
import { windowOp } from './window-functions.ts';

export const BlackmanWindow = windowOp('BlackmanWindow', [0.42, -0.5, 0.08]);
