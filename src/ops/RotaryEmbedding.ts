// ONNX RotaryEmbedding since 23: pairs of elements of each head turned by position-dependent angles.
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { rotate } from './rotary.ts';

export const RotaryEmbedding = op({
  name: 'RotaryEmbedding',
  inputs: [3, 4],
  since: 23,
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: ['i64'] },
  expand: (c) => [
    rotate(c, {
      x: c.tensor(0),
      cos: c.tensor(1),
      sin: c.tensor(2),
      ids: c.has(3) ? c.tensor(3) : null,
      interleaved: c.int('interleaved', 0) !== 0,
      heads: c.int('num_heads', 0),
      rotated: c.int('rotary_embedding_dim', 0),
    }),
  ],
});
