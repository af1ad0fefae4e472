// ONNX Tile since 6: the input repeated along each axis.

import { index, load } from '../3-tile/expr.ts';
import { isStatic, mulDim } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { op } from './op.ts';

export const Tile = op({
  name: 'Tile',
  inputs: [2, 2],
  since: 6,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    const dims = c.dims(0);
    const repeats = c.numbers(1);
    if (repeats.length !== dims.length) c.fail(`${repeats.length} repeats for rank ${dims.length}`);
    if (repeats.some((r) => r < 0)) c.fail(`repeats [${repeats}] have a negative entry`);
    return [
      c.tensor(
        c.dtype(0),
        dims.map((d, i) => (isStatic(d) ? d * repeats[i] : mulDim(d, repeats[i]))),
      ),
    ];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const repeats = c.numbers(1);
    if (repeats.every((r) => r === 1)) return [x];
    const shape = x.shape.flatMap((d, i) => [repeats[i], d]);
    const out = c.b.map(x.dtype, shape, (ix) =>
      load(
        x,
        x.shape.map((d, i) => (d === 1 ? index(0) : ix[2 * i + 1])),
      ),
    );
    return [c.b.view(out, c.outShape())];
  },
});
