// ONNX CastLike since 15: Cast to the element type of the second input.
import { dtypeInfo } from '../ir/dtype.ts';
import { op } from './op.ts';

export const CastLike = op({
  name: 'CastLike',
  inputs: [2, 2],
  since: 15,
  expand: (c) => [
    c.one('Cast', [c.tensor(0)], {
      to: dtypeInfo(c.tensor(1).dtype).onnx,
      saturate: c.int('saturate', 1),
      round_mode: c.string('round_mode', 'up'),
    }),
  ],
});
