// ONNX SpaceToDepth since 1: blocks of pixels become blocks of channels.
import { floorDivDim, isStatic, mulDim } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { permuteAs } from './moves.ts';
import { op } from './op.ts';

export const SpaceToDepth = op({
  name: 'SpaceToDepth',
  types: { 0: ANY },
  infer: (c) => {
    const dims = c.dims(0);
    const block = c.int('blocksize', 0);
    if (dims.length !== 4) c.fail(`rank ${dims.length}, expected 4`);
    if (block < 1) c.fail(`blocksize is ${block}, expected at least 1`);
    for (const d of dims.slice(2)) {
      if (isStatic(d) && d % block !== 0) c.fail(`extent ${d} is not a multiple of blocksize ${block}`);
    }
    const [n, ch, h, w] = dims;
    return [c.tensor(c.dtype(0), [n, mulDim(ch, block * block), floorDivDim(h, block), floorDivDim(w, block)])];
  },
  lower: (c) => {
    const [n, ch, h, w] = c.shape(0);
    const s = c.int('blocksize', 1);
    return [permuteAs(c.b, c.tensor(0), [n, ch, h / s, s, w / s, s], [0, 3, 5, 1, 2, 4], c.outShape())];
  },
});
