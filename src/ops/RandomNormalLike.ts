// ONNX RandomNormalLike since 1: normal random numbers in the shape of the input.
import { normalElement, randomOp } from './random.ts';

export const RandomNormalLike = randomOp('RandomNormalLike', true, normalElement);
