// ONNX Trilu since 14: the upper or lower triangle of matrices, relative to diagonal k; 0 elsewhere.
import { add, cast, computeType, constant, type Expr, ge, index, le, load, max, min, select } from '../3-tile/expr.ts';
import { ANY } from './elementwise.ts';
import { type LowerContext, op } from './op.ts';

/** The diagonal as i32; anything beyond the matrix acts like its rim. */
function diagonal(c: LowerContext): Expr {
  if (!c.has(1)) return index(0);
  const k = load(c.b.view(c.tensor(1), []), []);
  return cast('i32', max(min(k, constant('i64', 2 ** 30)), constant('i64', -(2 ** 30))));
}

export const Trilu = op({
  name: 'Trilu',
  inputs: [1, 2],
  since: 14,
  types: { 0: ANY, 1: ['i64'] },
  infer: (c) => {
    if (c.rank(0) < 2) c.fail(`rank ${c.rank(0)} has no matrices`);
    if (c.has(1) && c.shape(1).some((d) => d !== 1)) c.fail(`k has shape [${c.shape(1)}], expected a scalar`);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const keeps = c.int('upper', 1) !== 0 ? ge : le;
    return [
      c.b.map(x.dtype, x.shape, (ix) => {
        const [row, col] = ix.slice(-2);
        return select(keeps(col, add(row, diagonal(c))), load(x, ix), constant(computeType(x.dtype), 0));
      }),
    ];
  },
});
