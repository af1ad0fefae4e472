// ONNX RandomUniformLike since 1: uniform random numbers in the shape of the input.
import { randomOp, uniformElement } from './random.ts';

export const RandomUniformLike = randomOp('RandomUniformLike', true, uniformElement);
