// ONNX NegativeLogLikelihoodLoss since 13: minus the log-probability of each target class, weighted
// by class, then summed or averaged over all targets that are not ignored.

import {
  and,
  cast,
  computeType,
  constant,
  div,
  type Expr,
  eq,
  ge,
  load,
  lt,
  mul,
  neg,
  or,
  select,
} from '../3-tile/expr.ts';
import { all, sum } from '../3-tile/monoids.ts';
import { isStatic } from '../ir/dim.ts';
import { checkChannelVector } from './convolution.ts';
import { FLOATS } from './elementwise.ts';
import { clampIndex } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';

const REDUCTIONS = ['none', 'sum', 'mean'];

/** Checks scores [N, C, d…] against targets [N, d…] and weights [C]. */
export function checkLoss(c: InferContext): void {
  const [x, target] = [c.dims(0), c.dims(1)];
  if (x.length < 2) c.fail(`scores have rank ${x.length}, expected at least 2`);
  if (x[1] === 0) c.fail('scores have no classes');
  const expected = [x[0], ...x.slice(2)];
  const fits =
    target.length === expected.length &&
    target.every((d, i) => d === expected[i] || !isStatic(d) || !isStatic(expected[i]));
  if (!fits) c.fail(`targets have shape [${target}], expected [${expected}]`);
  if (c.has(2) && c.dtype(2) !== c.dtype(0)) {
    c.fail(`weights have type ${c.dtype(2)}, scores ${c.dtype(0)}`, undefined, 'UNSUPPORTED_TYPE');
  }
  checkChannelVector(c, 2, x[1], 'weights');
  if (!REDUCTIONS.includes(c.string('reduction', 'mean'))) c.fail('reduction is not none, sum or mean');
}

interface Terms {
  /** Number of classes and of targets per sample. */
  readonly rows: readonly [number, number];
  /** Weight of the target at [n, d]; 0 when it is ignored. */
  readonly weight: (ix: readonly Expr[]) => Expr;
  /** Weighted loss of the target at [n, d]. */
  readonly loss: (ix: readonly Expr[]) => Expr;
}

function terms(c: LowerContext): Terms {
  const { b } = c;
  const [n, classes, ...rest] = c.shape(0);
  const count = rest.reduce((p, d) => p * d, 1);
  const x = b.view(c.tensor(0), [n, classes, count]);
  const target = b.view(c.tensor(1), [n, count]);
  const dtype = computeType(x.dtype);
  const zero = constant(dtype, 0);
  const label = (ix: readonly Expr[]): Expr => load(target, ix);
  const ignored = (ix: readonly Expr[]): Expr =>
    c.hasAttr('ignore_index')
      ? eq(label(ix), constant(label(ix).dtype, c.int('ignore_index', 0)))
      : constant('bool', 0);
  const kind = (ix: readonly Expr[]): Expr => clampIndex(cast('i32', label(ix)), classes);
  const weight = (ix: readonly Expr[]): Expr =>
    select(ignored(ix), zero, c.has(2) ? load(c.tensor(2), [kind(ix)]) : constant(dtype, 1));
  const valid = (ix: readonly Expr[]): Expr => {
    const e = label(ix);
    return or(ignored(ix), and(ge(e, constant(e.dtype, 0)), lt(e, constant(e.dtype, classes))));
  };
  if (n * count > 0) {
    b.check(
      b.reduce('bool', [], [n, count], all(), (_, rx) => valid(rx)),
      'a target is not a class',
    );
  }
  const loss = (ix: readonly Expr[]): Expr => {
    const value = mul(neg(load(x, [ix[0], kind(ix), ix[1]])), weight(ix));
    return select(ignored(ix), zero, value);
  };
  return { rows: [n, count], weight, loss };
}

function total(c: LowerContext, t: Terms, element: Terms['loss']): TileTensor {
  const dtype = computeType(c.dtype(0));
  return c.b.reduce(dtype, [], t.rows, sum(dtype), (_, rx) => element(rx));
}

export const NegativeLogLikelihoodLoss = op({
  name: 'NegativeLogLikelihoodLoss',
  inputs: [2, 3],
  since: 13,
  types: { 0: FLOATS, 1: ['i32', 'i64'], 2: FLOATS },
  infer: (c) => {
    checkLoss(c);
    return [c.tensor(c.dtype(0), c.string('reduction', 'mean') === 'none' ? c.dims(1) : [])];
  },
  lower: (c) => {
    const t = terms(c);
    const reduction = c.string('reduction', 'mean');
    if (reduction === 'none') {
      return [c.b.view(c.b.map(c.outDtype(), t.rows, t.loss), c.outShape())];
    }
    const loss = total(c, t, t.loss);
    const weight = reduction === 'mean' ? total(c, t, t.weight) : null;
    return [c.b.map(c.outDtype(), [], () => (weight ? div(load(loss, []), load(weight, [])) : load(loss, [])))];
  },
});
