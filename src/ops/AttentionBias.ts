// Internal: what is added to attention scores, 0 or the mask's value where a query may attend a key
// and -infinity elsewhere. Inputs: mask (bool or float, optional), number of valid keys per sample
// (i64, optional). Result [batch or 1, heads or 1, queries or 1, keys].

import {
  add,
  cast,
  computeType,
  constant,
  type Expr,
  guardedLoad,
  index,
  le,
  load,
  lt,
  min,
  select,
  sub,
} from '../3-tile/expr.ts';
import { dtypeFromOnnx, isFloat } from '../ir/dtype.ts';
import { allOf, plus } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';

const keys = (c: InferContext | LowerContext): number => c.int('keys', 0);

/** Limits relative to the diagonal, as [attribute, keys allowed after it]. */
function band(c: InferContext | LowerContext): { left: number; right: number } {
  const right = c.int('right', -1);
  const causal = c.int('causal', 0) !== 0;
  return { left: c.int('left', -1), right: causal ? (right < 0 ? 0 : Math.min(right, 0)) : right };
}

const isBanded = (c: InferContext | LowerContext): boolean => band(c).left >= 0 || band(c).right >= 0;

/** Extents of the mask aligned to four axes. */
function maskShape(c: InferContext): readonly number[] {
  if (!c.has(0)) return [1, 1, 1, 0];
  const given = c.shape(0);
  if (given.length > 4 || given.length === 0) c.fail(`the mask has rank ${given.length}, expected 1 to 4`);
  return [...new Array<number>(4 - given.length).fill(1), ...given];
}

function outputShape(c: InferContext): number[] {
  const [batch, heads, queries] = ['batch', 'heads', 'queries'].map((n) => c.int(n, 1));
  const mask = maskShape(c);
  const fits = [batch, heads, queries].every((n, i) => mask[i] === 1 || mask[i] === n);
  if (!fits || mask[3] > keys(c)) {
    c.fail(`a mask of shape [${mask}] does not fit scores [${[batch, heads, queries, keys(c)]}]`);
  }
  if (c.has(1) && c.shape(1).join() !== String(batch)) c.fail('nonpad_kv_seqlen does not have one value per sample');
  return [c.has(1) ? batch : mask[0], mask[1], isBanded(c) ? queries : mask[2], keys(c)];
}

/** Additive value of the mask at [b, h, i, j]. */
function maskValue(t: TileTensor | null, zero: Expr, none: Expr): (ix: readonly Expr[]) => Expr {
  if (!t) return () => zero;
  return (ix) => {
    const at = t.shape.map((d, k) => (d === 1 && k < 3 ? index(0) : ix[k]));
    if (t.dtype === 'bool') {
      const allowed = guardedLoad(t, at, lt(ix[3], index(t.shape[3])), constant('bool', 0));
      return select(allowed, zero, none);
    }
    const value = cast(zero.dtype, load(t, [...at.slice(0, 3), min(at[3], index(t.shape[3] - 1))]));
    return select(lt(ix[3], index(t.shape[3])), value, none);
  };
}

export const AttentionBias = op({
  name: 'AttentionBias',
  domain: 'tilewright',
  inputs: [0, 2],
  types: { 1: ['i64'] },
  infer: (c) => {
    const dtype = dtypeFromOnnx(c.int('to', 1))!;
    if (c.has(0) && c.dtype(0) !== 'bool' && !isFloat(c.dtype(0))) {
      c.fail(`the mask has type ${c.dtype(0)}`, undefined, 'UNSUPPORTED_TYPE');
    }
    return [c.tensor(dtype, outputShape(c))];
  },
  lower: (c) => {
    const { b } = c;
    const dtype = computeType(c.outDtype());
    const [zero, none] = [constant(dtype, 0), constant(dtype, -Infinity)];
    const given = c.has(0) ? c.tensor(0) : null;
    const mask = given && b.view(given, [...new Array<number>(4 - given.shape.length).fill(1), ...given.shape]);
    const value = maskValue(mask && mask.shape[3] > 0 ? mask : null, zero, none);
    const { left, right } = band(c);
    return [
      b.map(c.outDtype(), c.outShape(), (ix) => {
        const [n, , i, j] = ix;
        const valid = c.has(1) ? cast('i32', load(c.tensor(1), [n])) : null;
        const external = valid !== null && c.int('external', 0) !== 0;
        const offset = external ? sub(valid, index(c.int('queries', 1))) : index(c.int('offset', 0));
        const diagonal = add(i, offset);
        const conditions: Expr[] = [];
        if (right >= 0) conditions.push(le(j, plus(diagonal, right)));
        if (left >= 0) conditions.push(le(plus(diagonal, -left), j));
        if (valid) conditions.push(lt(j, valid));
        const base = value(ix);
        return conditions.length === 0 ? base : select(allOf(conditions), base, none);
      }),
    ];
  },
});
