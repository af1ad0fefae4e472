// ONNX DynamicQuantizeLinear since 11: u8 quantisation with a scale and zero point that fit the range
// of the input, widened to hold 0. A range of nothing but 0 has scale 1.

import { cast, constant, div, type Expr, eq, load, max, min, nearest, neg, select, sub } from '../3-tile/expr.ts';
import { maximum, minimum } from '../3-tile/monoids.ts';
import { elementCount } from '../ir/tensor.ts';
import { op } from './op.ts';
import { requantise } from './quantised.ts';

const f32 = (v: number): Expr => constant('f32', v);

export const DynamicQuantizeLinear = op({
  name: 'DynamicQuantizeLinear',
  outputs: [3, 3],
  since: 11,
  types: { 0: ['f32'] },
  infer: (c) => [c.tensor('u8', c.dims(0)), c.tensor('f32', []), c.tensor('u8', [])],
  lower: (c) => {
    const x = c.tensor(0);
    const flat = c.b.view(x, [elementCount(x.shape)]);
    const high = c.b.reduce(
      'f32',
      [],
      flat.shape,
      maximum('f32'),
      (_, rx) => load(flat, rx),
      ([s]) => max(s, f32(0)),
    );
    const low = c.b.reduce(
      'f32',
      [],
      flat.shape,
      minimum('f32'),
      (_, rx) => load(flat, rx),
      ([s]) => min(s, f32(0)),
    );
    const scale = c.b.map('f32', [], () => {
      const [hi, lo] = [load(high, []), load(low, [])];
      return select(eq(hi, lo), f32(1), div(sub(hi, lo), f32(255)));
    });
    const zero = c.b.map('u8', [], () => {
      const raw = div(neg(load(low, [])), load(scale, []));
      return cast('i32', nearest(max(f32(0), min(f32(255), raw))));
    });
    const y = c.b.map('u8', x.shape, (ix) => requantise('u8', div(load(x, ix), load(scale, [])), load(zero, [])));
    return [y, scale, zero];
  },
});
