// ONNX Gemm since 11: alpha * A' * B' + beta * C, with C broadcast to the result.

import { broadcastLoad } from '../3-tile/builder.ts';
import { add, computeType, constant, type Expr, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { isStatic } from '../ir/dim.ts';
import { NUMERIC, sameTypes } from './elementwise.ts';
import { type InferContext, op } from './op.ts';

function checkAddend(c: InferContext, m: unknown, n: unknown): void {
  const dims = c.dims(2);
  const target = [m, n].slice(2 - dims.length);
  const fits = dims.length <= 2 && dims.every((d, i) => d === 1 || d === target[i] || !isStatic(d));
  if (!fits) c.fail(`C of shape [${dims}] does not broadcast to [${m}, ${n}]`);
}

/** alpha or beta times a value; integers take them truncated. */
const scaled = (e: Expr, factor: number): Expr =>
  factor === 1 ? e : mul(e, constant(e.dtype, e.dtype.startsWith('f') ? factor : Math.trunc(factor)));

export const Gemm = op({
  name: 'Gemm',
  inputs: [2, 3],
  since: 11,
  types: { 0: NUMERIC },
  infer: (c) => {
    sameTypes(c);
    const [a, b] = [c.dims(0), c.dims(1)];
    if (a.length !== 2 || b.length !== 2) c.fail(`operands have ranks ${a.length} and ${b.length}, expected 2`);
    const [m, k] = c.int('transA', 0) ? [a[1], a[0]] : a;
    const [k2, n] = c.int('transB', 0) ? [b[1], b[0]] : b;
    if (isStatic(k) && isStatic(k2) && k !== k2) c.fail(`inner extents ${k} and ${k2} differ`);
    if (c.has(2)) checkAddend(c, m, n);
    return [c.tensor(c.dtype(0), [m, n])];
  },
  lower: (c) => {
    const [a, b] = [c.tensor(0), c.tensor(1)];
    const [transA, transB] = [c.int('transA', 0) !== 0, c.int('transB', 0) !== 0];
    const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)];
    const addend = c.has(2) && beta !== 0 ? c.tensor(2) : null;
    const depth = a.shape[transA ? 0 : 1];
    return [
      c.b.reduce(
        c.outDtype(),
        c.outShape(),
        [depth],
        sum(computeType(c.outDtype())),
        ([i, j], [k]) => mul(load(a, transA ? [k, i] : [i, k]), load(b, transB ? [j, k] : [k, j])),
        ([total], ix) => {
          const product = scaled(total, alpha);
          return addend ? add(product, scaled(broadcastLoad(addend, ix), beta)) : product;
        },
      ),
    ];
  },
});
