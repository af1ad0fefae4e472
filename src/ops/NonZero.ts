// ONNX NonZero since 9: coordinates of the non-zero elements. Their number is computed first and read,
// because it is an extent of the result. A scalar counts as one element of rank 1.
import { op } from './op.ts';

export const NonZero = op({
  name: 'NonZero',
  since: 9,
  expand: (c) => {
    const given = c.tensor(0);
    const x = given.shape.length > 0 ? given : c.one('Reshape', [given, c.constant('i64', [1], [1n])]);
    const [count] = c.numbersOf(c.one('NonZeroCount', [x], {}, 'tilewright'));
    return [c.one('NonZeroFill', [x], { count }, 'tilewright')];
  },
});
