// ONNX Crop (experimental, before opset 10): images NCHW less a border [left, top, right, bottom], or
// a window of `scale` [height, width] from the left top of that border.
import { add, index, load } from '../3-tile/expr.ts';
import { ANY } from './elementwise.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function border(c: InferContext | LowerContext): readonly number[] {
  const given = c.ints('border') ?? [];
  return given.length === 4 && given.every((v) => v >= 0) ? given : c.fail(`border is [${given}], expected 4 widths`);
}

function shapeOf(c: InferContext): number[] {
  const shape = c.shape(0);
  if (shape.length !== 4) c.fail(`rank ${shape.length}, expected 4`);
  const [n, ch, h, w] = shape;
  const [left, top, right, bottom] = border(c);
  const scale = c.ints('scale');
  const [height, width] = scale?.length === 2 ? scale : [h - top - bottom, w - left - right];
  if (height < 0 || width < 0 || top + height > h || left + width > w) {
    c.fail(`a window of ${height}×${width} does not fit the image`, undefined, 'INVALID_SHAPE', shape);
  }
  return [n, ch, height, width];
}

export const Crop = op({
  name: 'Crop',
  types: { 0: ANY },
  infer: (c) => [c.tensor(c.dtype(0), shapeOf(c))],
  lower: (c) => {
    const [left, top] = border(c);
    return [
      c.b.map(c.outDtype(), c.outShape(), ([n, ch, y, x]) =>
        load(c.tensor(0), [n, ch, add(y, index(top)), add(x, index(left))]),
      ),
    ];
  },
});
