// ONNX DepthToSpace since 1: blocks of channels become blocks of pixels; DCR takes the block first
// among the channels, CRD the channel.
import { floorDivDim, isStatic, mulDim } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { permuteAs } from './moves.ts';
import { op } from './op.ts';

export const DepthToSpace = op({
  name: 'DepthToSpace',
  types: { 0: ANY },
  infer: (c) => {
    const dims = c.dims(0);
    const block = c.int('blocksize', 0);
    if (dims.length !== 4) c.fail(`rank ${dims.length}, expected 4`);
    if (block < 1) c.fail(`blocksize is ${block}, expected at least 1`);
    if (!['DCR', 'CRD'].includes(c.string('mode', 'DCR')))
      c.fail(`mode is "${c.string('mode', '')}", expected DCR or CRD`);
    const [n, ch, h, w] = dims;
    if (isStatic(ch) && ch % (block * block) !== 0) c.fail(`${ch} channels are not a multiple of ${block * block}`);
    return [c.tensor(c.dtype(0), [n, floorDivDim(ch, block * block), mulDim(h, block), mulDim(w, block)])];
  },
  lower: (c) => {
    const [n, ch, h, w] = c.shape(0);
    const s = c.int('blocksize', 1);
    const rest = ch / (s * s);
    const crd = c.string('mode', 'DCR') === 'CRD';
    const [shape, perm] = crd
      ? [
          [n, rest, s, s, h, w],
          [0, 1, 4, 2, 5, 3],
        ]
      : [
          [n, s, s, rest, h, w],
          [0, 3, 4, 1, 5, 2],
        ];
    return [permuteAs(c.b, c.tensor(0), shape, perm, c.outShape())];
  },
});
