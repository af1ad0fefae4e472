// ONNX RandomNormal since 1: normal random numbers in the shape of the attribute.
import { normalElement, randomOp } from './random.ts';

export const RandomNormal = randomOp('RandomNormal', false, normalElement);
