// com.microsoft RotaryEmbedding: as the standard operator; positions may be one offset for all.
import { FLOATS } from './elementwise.ts';
import { positions } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';
import { rotate } from './rotary.ts';

/** Positions [batch or 1, length]. */
function idsOf(c: ExpandContext, length: number): StaticTensor {
  const ids = c.tensor(1);
  return ids.shape.length === 2 ? ids : c.one('Add', [positions(c, length, 2), ids]);
}

export const MsRotaryEmbedding = op({
  name: 'RotaryEmbedding',
  domain: 'com.microsoft',
  inputs: [4, 4],
  types: { 0: FLOATS, 1: ['i64'], 2: FLOATS, 3: FLOATS },
  expand: (c) => {
    const x = c.tensor(0);
    const length = x.shape[x.shape.length === 4 ? 2 : 1];
    const rotated = c.int('rotary_embedding_dim', 0);
    const size = rotated || 2 * (c.tensor(2).shape[1] ?? 0);
    const heads = c.int('num_heads', 0) || (x.shape.length === 3 && size > 0 ? x.shape[2] / size : 0);
    return [
      rotate(c, {
        x,
        cos: c.tensor(2),
        sin: c.tensor(3),
        ids: idsOf(c, length),
        interleaved: c.int('interleaved', 0) !== 0,
        heads,
        rotated,
      }),
    ];
  },
});
