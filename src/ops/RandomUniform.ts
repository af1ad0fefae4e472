// ONNX RandomUniform since 1: uniform random numbers in the shape of the attribute.
import { randomOp, uniformElement } from './random.ts';

export const RandomUniform = randomOp('RandomUniform', false, uniformElement);
