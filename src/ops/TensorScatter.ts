// ONNX TensorScatter since 24: a cache whose rows from write_indices[batch] on, along one axis, are
// replaced by an update; circular mode wraps around the end.

import { add, and, cast, constant, type Expr, ge, index, le, load, lt, max, min, rem, select } from '../3-tile/expr.ts';
import { all } from '../3-tile/monoids.ts';
import { store } from '../3-tile/statements.ts';
import { isStatic } from '../ir/dim.ts';
import { ANY } from './elementwise.ts';
import { sameExtent } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';
import { loopNest } from './statements.ts';

function axisOf(c: InferContext | LowerContext, rank: number): number {
  const axis = c.axis(c.int('axis', -2), rank);
  if (axis === 0) c.fail('axis 0 is the batch');
  return axis;
}

function check(c: InferContext): void {
  const [cache, update] = [c.dims(0), c.dims(1)];
  if (c.dtype(0) !== c.dtype(1))
    c.fail(`the cache is ${c.dtype(0)} and the update ${c.dtype(1)}`, undefined, 'UNSUPPORTED_TYPE');
  if (cache.length !== update.length) c.fail(`ranks ${cache.length} and ${update.length} differ`);
  const axis = axisOf(c, cache.length);
  cache.forEach((d, i) => {
    if (i !== axis) sameExtent(c, d, update[i], `extents of axis ${i}`);
  });
  const [room, steps] = [cache[axis], update[axis]];
  if (isStatic(room) && isStatic(steps) && steps > room) c.fail(`${steps} steps do not fit a cache of ${room}`);
  const mode = c.string('mode', 'linear');
  if (!['linear', 'circular'].includes(mode)) c.fail(`mode is "${mode}", expected linear or circular`);
  if (c.has(2) && c.rank(2) !== 1) c.fail(`write_indices has rank ${c.rank(2)}, expected 1`);
  if (c.has(2)) sameExtent(c, c.dims(2)[0], cache[0], 'number of write_indices');
}

/** First written position of a batch entry, as i32 in range; outliers also fail a check. */
function firstPosition(c: LowerContext, room: number, steps: number): (batch: Expr) => Expr {
  if (!c.has(2)) return () => index(0);
  const at = c.tensor(2);
  const circular = c.string('mode', 'linear') === 'circular';
  if (circular) {
    return (batch) => {
      const r = cast('i32', rem(load(at, [batch]), constant('i64', room)));
      return select(lt(r, index(0)), add(r, index(room)), r);
    };
  }
  const [lo, hi] = [constant('i64', 0), constant('i64', room - steps)];
  const ok = c.b.reduce('bool', [], at.shape, all(), (_, [r]) => and(ge(load(at, [r]), lo), le(load(at, [r]), hi)));
  c.b.check(ok, `a write index is not in 0…${room - steps}`);
  return (batch) => cast('i32', max(min(load(at, [batch]), hi), lo));
}

export const TensorScatter = op({
  name: 'TensorScatter',
  inputs: [2, 3],
  since: 24,
  types: { 0: ANY, 1: ANY, 2: ['i64'] },
  infer: (c) => {
    check(c);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const [cache, update] = [c.tensor(0), c.tensor(1)];
    const axis = axisOf(c, cache.shape.length);
    const room = cache.shape[axis];
    const first = firstPosition(c, room, update.shape[axis]);
    const out = c.b.map(cache.dtype, cache.shape, (ix) => load(cache, ix));
    c.b.routine(
      [update, ...(c.has(2) ? [c.tensor(2)] : [])],
      [out],
      loopNest(update.shape, (ix) => {
        const p = add(first(ix[0]), ix[axis]);
        const wrapped = select(ge(p, index(room)), add(p, index(-room)), p);
        return [
          store(
            out,
            ix.map((e, i) => (i === axis ? wrapped : e)),
            load(update, ix),
          ),
        ];
      }),
    );
    return [out];
  },
});
