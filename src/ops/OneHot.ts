// ONNX OneHot since 9: a new axis of `depth` positions, on_value where the position is the index,
// off_value elsewhere; indices outside of the axis give only off_value.
import { add, and, cast, constant, type Expr, eq, ge, index, load, lt, select } from '../3-tile/expr.ts';
import { ANY, NUMERIC } from './elementwise.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function depth(c: InferContext): number {
  const given = c.numbers(1);
  const n = Math.trunc(given[0]);
  if (given.length !== 1 || !(n >= 1)) c.fail(`depth is [${given}], expected one positive number`);
  return n;
}

const position = (c: InferContext | LowerContext, rank: number): number => c.axis(c.int('axis', -1), rank + 1);

/** Index as i64, negative ones counted from the end. */
function wrapped(raw: Expr, n: number): Expr {
  const i = cast('i64', raw);
  const [zero, size] = [constant('i64', 0), constant('i64', n)];
  return select(and(lt(i, zero), ge(i, constant('i64', -n))), add(i, size), i);
}

export const OneHot = op({
  name: 'OneHot',
  inputs: [3, 3],
  since: 9,
  types: { 0: NUMERIC, 1: NUMERIC, 2: ANY },
  infer: (c) => {
    const dims = c.dims(0);
    const axis = position(c, dims.length);
    if (c.rank(2) !== 1 || c.shape(2)[0] !== 2) c.fail(`values has shape [${c.shape(2)}], expected [2]`);
    return [c.tensor(c.dtype(2), [...dims.slice(0, axis), depth(c), ...dims.slice(axis)])];
  },
  lower: (c) => {
    const [indices, values] = [c.tensor(0), c.tensor(2)];
    const axis = position(c, indices.shape.length);
    return [
      c.b.map(c.outDtype(), c.outShape(), (ix) => {
        const at = load(
          indices,
          ix.filter((_, i) => i !== axis),
        );
        const hit = eq(wrapped(at, c.outShape()[axis]), cast('i64', ix[axis]));
        return select(hit, load(values, [index(1)]), load(values, [index(0)]));
      }),
    ];
  },
});
