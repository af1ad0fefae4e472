// ONNX ReverseSequence since 10: the first sequence_lens[b] steps of each batch entry reversed.
import { and, cast, constant, ge, index, le, load, lt, max, min, select, sub } from '../3-tile/expr.ts';
import { all } from '../3-tile/monoids.ts';
import { ANY } from './elementwise.ts';
import { sameExtent } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function axesOf(c: InferContext | LowerContext): { batch: number; time: number } {
  const [batch, time] = [c.int('batch_axis', 1), c.int('time_axis', 0)];
  if (
    ![
      [0, 1],
      [1, 0],
    ].some(([x, y]) => batch === x && time === y)
  ) {
    c.fail(`batch_axis ${batch} and time_axis ${time} are not 0 and 1 in some order`);
  }
  return { batch, time };
}

export const ReverseSequence = op({
  name: 'ReverseSequence',
  inputs: [2, 2],
  since: 10,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    const dims = c.dims(0);
    if (dims.length < 2) c.fail(`rank ${dims.length}, expected at least 2`);
    if (c.rank(1) !== 1) c.fail(`sequence_lens has rank ${c.rank(1)}, expected 1`);
    sameExtent(c, c.dims(1)[0], dims[axesOf(c).batch], 'number of sequences');
    return [c.tensor(c.dtype(0), dims)];
  },
  lower: (c) => {
    const [x, lens] = [c.tensor(0), c.tensor(1)];
    const { batch, time } = axesOf(c);
    const steps = x.shape[time];
    const bound = constant('i64', steps);
    const ok = c.b.reduce('bool', [], lens.shape, all(), (_, [r]) =>
      and(ge(load(lens, [r]), constant('i64', 0)), le(load(lens, [r]), bound)),
    );
    c.b.check(ok, `a sequence length is not in 0…${steps}`);
    return [
      c.b.map(x.dtype, x.shape, (ix) => {
        const length = cast('i32', max(min(load(lens, [ix[batch]]), bound), constant('i64', 0)));
        const t = ix[time];
        const mirrored = sub(sub(length, index(1)), t);
        return load(
          x,
          ix.map((e, i) => (i === time ? select(lt(t, length), max(mirrored, index(0)), e) : e)),
        );
      }),
    ];
  },
});
