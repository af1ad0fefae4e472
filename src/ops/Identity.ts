// ONNX Identity since 1: the value itself, whatever its kind.
import { op } from './op.ts';

export const Identity = op({ name: 'Identity', expand: (c) => [c.input(0)] });
