// ONNX Shape since 15: extents start..end of the input. Always known, so it leaves no work.
import { op } from './op.ts';

export const Shape = op({
  name: 'Shape',
  expand: (c) => {
    const { shape } = c.tensor(0);
    const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + shape.length : i, 0), shape.length);
    const dims = shape.slice(clamp(c.int('start', 0)), clamp(c.int('end', shape.length)));
    return [c.constant('i64', [dims.length], dims.map(BigInt))];
  },
});
