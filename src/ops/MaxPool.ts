// ONNX MaxPool since 8: largest element of each window; the second output is its flat index in the
// whole input, row-major or (storage_order 1) with the spatial axes column-major.
import { add, cast, computeType, constant, type Expr, mul } from '../3-tile/expr.ts';
import { lowest, maximum } from '../3-tile/monoids.ts';
import { NUMERIC } from './elementwise.ts';
import { argExtreme } from './extremes.ts';
import { allOf, flatIndex } from './index-math.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';
import { inferPool, poolPlacement, poolReduce, poolStages } from './pooling.ts';
import { type Placement, tap, tapLoad } from './window.ts';

/** Flat index of [n, m, at…] as i64. */
function elementIndex(c: LowerContext, p: Placement, lead: readonly Expr[], at: readonly Expr[]): Expr {
  const big = (e: Expr): Expr => cast('i64', e);
  const size = p.input.reduce((a, d) => a * d, 1);
  const plane = flatIndex(lead, c.shape(0).slice(0, 2));
  const inside =
    c.int('storage_order', 0) === 0 ? flatIndex(at, p.input) : flatIndex(at.toReversed(), p.input.toReversed());
  return add(mul(big(plane), constant('i64', BigInt(size))), big(inside));
}

function indices(c: LowerContext, p: Placement): TileTensor {
  const x = c.tensor(0);
  const dtype = computeType(x.dtype);
  const least = constant(dtype, lowest(dtype));
  return c.b.reduce(
    'i64',
    c.outShape(),
    p.window.kernel,
    argExtreme(dtype, 'max', false),
    ([n, m, ...o], k) => {
      const { at, guards } = tap(p, o, k);
      const value = tapLoad(x, [n, m], p, o, k, least);
      return [value, elementIndex(c, p, [n, m], at), allOf(guards)];
    },
    (state) => state[1],
  );
}

export const MaxPool = op({
  name: 'MaxPool',
  since: 8,
  outputs: [1, 2],
  types: { 0: NUMERIC },
  infer: (c) => {
    const shape = inferPool(c);
    return [c.tensor(c.dtype(0), shape), c.tensor('i64', shape)];
  },
  lower: (c) => {
    const place = poolPlacement(c);
    const dtype = computeType(c.dtype(0));
    const least = constant(dtype, lowest(dtype));
    const same = (e: Expr): Expr => e;
    const values = poolStages(place).reduce(
      (x, p) => poolReduce(c, p, c.outDtype(), maximum(dtype), least, same, same, x),
      c.tensor(0),
    );
    return [values, c.wants(1) ? indices(c, place) : null];
  },
});
