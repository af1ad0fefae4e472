// Small whole numbers, whose sums and products floats hold exactly: results are compared bit by bit, in any order of sums.
import { elementCount, type TensorData, tensorOf } from '../../src/ir/tensor.ts';

/** An f32 tensor of a shape, from -8 to 8. */
export const wholeNumbers = (shape: readonly number[]): TensorData =>
  tensorOf(
    'f32',
    shape,
    Array.from({ length: elementCount(shape) }, (_, i) => ((i * 29) % 17) - 8),
  );
