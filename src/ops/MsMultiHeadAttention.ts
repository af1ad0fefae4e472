// com.microsoft MultiHeadAttention: attention of projected queries, keys and values, with optional
// biases, masks and a past.
import { castTo, joinHeads, splitHeads } from './attention-core.ts';
import { attendWith, causalBias, joined, paddingBias } from './contrib-attention.ts';
import { FLOATS } from './elementwise.ts';
import { columns } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

/** Part `from`..`to` of the bias added to a projection. */
function biased(c: ExpandContext, t: StaticTensor, from: number): StaticTensor {
  if (!c.has(3)) return t;
  return c.one('Add', [t, columns(c, c.tensor(3), from, from + t.shape[2])]);
}

/** Q, K, V with four axes. */
function operands(c: ExpandContext, heads: number): [StaticTensor, StaticTensor, StaticTensor] {
  const q = c.tensor(0);
  if (q.shape.length !== 3 || !c.has(1) || !c.has(2)) {
    c.fail('packed operands are not supported', 'Export with separate query, key and value.', 'UNSUPPORTED_OPERATOR');
  }
  const [k, v] = [c.tensor(1), c.tensor(2)];
  const width = q.shape[2];
  const cast = (t: StaticTensor, from: number): StaticTensor =>
    t.shape.length === 4 ? t : splitHeads(c, biased(c, t, from), heads);
  return [cast(q, 0), cast(k, width), cast(v, 2 * width)];
}

export const MsMultiHeadAttention = op({
  name: 'MultiHeadAttention',
  domain: 'com.microsoft',
  inputs: [1, 8],
  outputs: [1, 3],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS, 5: FLOATS, 6: FLOATS, 7: FLOATS },
  expand: (c) => {
    const [q, k, v] = operands(c, c.int('num_heads', 0));
    if (c.has(6) !== c.has(7)) c.fail('past_key and past_value must be given together');
    const keys = c.has(6) ? c.one('Concat', [c.tensor(6), k], { axis: 2 }) : k;
    const values = c.has(7) ? c.one('Concat', [c.tensor(7), v], { axis: 2 }) : v;
    const [batch, , queries] = q.shape;
    const e = { batch, queries, keys: keys.shape[2] };
    const bias = joined(c, [
      c.has(4) ? paddingBias(c, c.tensor(4), e) : null,
      c.has(5) ? c.tensor(5) : null,
      c.int('unidirectional', 0) !== 0 ? causalBias(c, e, e.keys - queries) : null,
    ]);
    const y = castTo(c, attendWith(c, q, keys, values, bias).y, q.dtype);
    return [joinHeads(c, y), keys, values];
  },
});
