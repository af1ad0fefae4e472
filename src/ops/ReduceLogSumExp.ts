// ONNX ReduceLogSumExp: log(sum(exp(x))) over axes, shifted by the largest element so that nothing
// overflows; of nothing minus infinity.
import { add, cast, computeType, exp, load, log, sub } from '../3-tile/expr.ts';
import { maximum, sum } from '../3-tile/monoids.ts';
import { keptAt, reducedAxes, reduceKept, reductionOp, SUMMABLE } from './reduce.ts';
import { finiteOrZero, toReal } from './scalar-math.ts';

export const ReduceLogSumExp = reductionOp('ReduceLogSumExp', SUMMABLE, (c) => {
  const x = c.tensor(0);
  const axes = reducedAxes(c, x.shape.length);
  const real = x.dtype === 'f64' || x.dtype === 'i64' || x.dtype === 'u64' ? 'f64' : 'f32';
  const m = reduceKept(c, real, x, axes, maximum(real), (ix) => toReal(load(x, ix)));
  const s = reduceKept(c, real, x, axes, sum(real), (ix) =>
    exp(sub(toReal(load(x, ix)), finiteOrZero(load(m, keptAt(ix, axes))))),
  );
  const out = c.b.map(x.dtype, s.shape, (ix) =>
    cast(computeType(x.dtype), add(log(load(s, ix)), finiteOrZero(load(m, ix)))),
  );
  return [c.b.view(out, c.outShape())];
});
