// ONNX ArgMax since 1: index of the largest element along one axis.
import { argOp } from './arg-extreme.ts';

export const ArgMax = argOp('ArgMax', 'max');
