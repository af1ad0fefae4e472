// ONNX DFT since 20: forward or inverse discrete Fourier transform along one axis; one-sided forms
// give or take the first half of a conjugate-symmetric spectrum.

import { computeType, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { isStatic } from '../ir/dim.ts';
import { elementCount, tensorOf } from '../ir/tensor.ts';
import { FLOATS } from './elementwise.ts';
import { factors, inStages, isStaged, transformType } from './fourier.ts';
import { type InferContext, type LowerContext, op } from './op.ts';
import { checkTable } from './tables.ts';

interface Plan {
  readonly axis: number;
  readonly n: number;
  readonly inverse: boolean;
  readonly onesided: boolean;
  /** Input elements that count, and output elements and components. */
  readonly used: number;
  readonly bins: number;
  readonly to: number;
}

/** The only value of scalar input i, or the fallback. */
function scalar(c: InferContext | LowerContext, i: number, fallback: number): number {
  if (!c.has(i)) return fallback;
  const values = c.numbers(i);
  return values.length === 1 ? values[0] : c.fail(`input ${i} has ${values.length} values, expected 1`);
}

function plan(c: InferContext | LowerContext): Plan {
  const rank = c.rank(0);
  if (rank < 2) c.fail(`input has rank ${rank}, expected at least 2`);
  const axis = c.axis(scalar(c, 2, -2), rank);
  if (axis === rank - 1) c.fail('the last axis holds real and imaginary parts');
  const extent = c.shape(0)[axis];
  const inverse = c.int('inverse', 0) !== 0;
  const onesided = c.int('onesided', 0) !== 0;
  const real = inverse && onesided;
  const n = scalar(c, 1, real ? 2 * (extent - 1) : extent);
  if (n < 1) c.fail(`dft_length is ${n}, expected at least 1`);
  checkTable(c, n);
  const half = Math.floor(n / 2) + 1;
  return {
    axis,
    n,
    inverse,
    onesided,
    used: Math.min(extent, real ? half : n),
    bins: onesided && !inverse ? half : n,
    to: real ? 1 : 2,
  };
}

export const DFT = op({
  name: 'DFT',
  inputs: [1, 3],
  since: 20,
  types: { 0: FLOATS, 1: ['i32', 'i64'], 2: ['i64'] },
  infer: (c) => {
    const p = plan(c);
    const parts = c.dims(0)[c.rank(0) - 1];
    if (isStatic(parts) && parts !== 1 && parts !== 2) c.fail(`the last axis has ${parts} parts, expected 1 or 2`);
    if (p.onesided && !p.inverse && parts === 2) c.fail('a one-sided spectrum needs a real signal');
    const shape = c.dims(0).map((d, i) => (i === p.axis ? p.bins : d));
    return [c.tensor(c.dtype(0), [...shape.slice(0, -1), p.to])];
  },
  lower: (c) => {
    const p = plan(c);
    const x = c.tensor(0);
    const last = x.shape.length - 1;
    const dtype = transformType(computeType(x.dtype));
    const t = { ...p, from: x.shape[last] };
    if (isStaged(t)) {
      const [outer, inner] = [x.shape.slice(0, p.axis), x.shape.slice(p.axis + 1, last)].map(elementCount);
      const flat = c.b.view(x, [outer, p.n, inner, t.from]);
      return [c.b.view(inStages(c, flat, t), c.outShape())];
    }
    const factor = factors(c, t, dtype);
    // The absent half of a symmetric spectrum doubles what it mirrors.
    const mirrored = (k: number): number => (k === 0 || 2 * k === p.n ? 1 : 2);
    const weights =
      p.to === 1
        ? c.b.constant(
            tensorOf(
              dtype,
              [p.used],
              Array.from({ length: p.used }, (_, k) => mirrored(k)),
            ),
          )
        : null;
    return [
      c.b.reduce(x.dtype, c.outShape(), [p.used, x.shape[last]], sum(dtype), (ix, [m, part]) => {
        const at = ix.map((e, i) => (i === p.axis ? m : i === last ? part : e));
        const value = weights ? mul(load(x, at), load(weights, [m])) : load(x, at);
        return mul(value, factor(ix[last], part, ix[p.axis], m));
      }),
    ];
  },
});
