// ONNX ArgMin since 1: index of the smallest element along one axis.
import { argOp } from './arg-extreme.ts';

export const ArgMin = argOp('ArgMin', 'min');
