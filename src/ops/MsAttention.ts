// com.microsoft Attention: projection of one input to queries, keys and values, then attention.
import { castTo, joinHeads, splitHeads } from './attention-core.ts';
import { attendWith, causalBias, joined, paddingBias } from './contrib-attention.ts';
import { FLOATS } from './elementwise.ts';
import { columns, part, reshape } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

/** Queries, keys and values [batch, heads, length, size]. */
function project(c: ExpandContext, heads: number): [StaticTensor, StaticTensor, StaticTensor] {
  const [x, w] = [c.tensor(0), c.tensor(1)];
  if (x.shape.length !== 3 || w.shape.length !== 2)
    c.fail(`input [${x.shape}] and weights [${w.shape}] have wrong ranks`);
  const sizes = c.ints('qkv_hidden_sizes') ?? [0, 1, 2].map(() => w.shape[1] / 3);
  if (sizes.length !== 3 || sizes.reduce((a, d) => a + d, 0) !== w.shape[1])
    c.fail(`weights of width ${w.shape[1]} do not split into [${sizes}]`);
  const product = c.one('MatMul', [x, w]);
  const whole = c.has(2) ? c.one('Add', [product, c.tensor(2)]) : product;
  let from = 0;
  const [q, k, v] = sizes.map((size) => {
    from += size;
    return splitHeads(c, columns(c, whole, from - size, from), heads);
  });
  return [q, k, v];
}

/** Stacks keys and values as [2, batch, heads, length, size]. */
function present(c: ExpandContext, k: StaticTensor, v: StaticTensor): StaticTensor {
  return c.one(
    'Concat',
    [k, v].map((t) => reshape(c, t, [1, ...t.shape])),
    { axis: 0 },
  );
}

export const MsAttention = op({
  name: 'Attention',
  domain: 'com.microsoft',
  inputs: [2, 7],
  outputs: [1, 2],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 4: FLOATS, 5: FLOATS },
  expand: (c) => {
    if (c.has(6) || c.int('do_rotary', 0) !== 0) {
      c.fail('a shared past buffer and rotation are not supported', undefined, 'UNSUPPORTED_OPERATOR');
    }
    const [q, k, v] = project(c, c.int('num_heads', 0));
    const past = c.has(4) ? c.tensor(4) : null;
    const keys = past ? c.one('Concat', [part(c, past, 0), k], { axis: 2 }) : k;
    const values = past ? c.one('Concat', [part(c, past, 1), v], { axis: 2 }) : v;
    const [batch, , queries] = q.shape;
    const e = { batch, queries, keys: keys.shape[2] };
    const bias = joined(c, [
      c.has(3) ? paddingBias(c, c.tensor(3), e) : null,
      c.has(5) ? c.tensor(5) : null,
      c.int('unidirectional', 0) !== 0 ? causalBias(c, e, e.keys - queries) : null,
    ]);
    const y = castTo(c, attendWith(c, q, keys, values, bias).y, q.dtype);
    const alike = keys.shape.join() === values.shape.join();
    return [joinHeads(c, y), alike ? present(c, keys, values) : null];
  },
});
