// ONNX RandomUniformLike since 1: uniform random numbers in the shape of the input.
import { uniformElement, randomOp } from './random.ts';

export const RandomUniformLike = randomOp('RandomUniformLike', true, uniformElement);
