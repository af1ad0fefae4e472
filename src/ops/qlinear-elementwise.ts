// Element-wise operators on quantised tensors (com.microsoft QLinear…): operands become real numbers by
// their scale and zero point, and the result is quantised again. All parameters are scalars.

import { broadcastLoad } from '../3-tile/builder.ts';
import { cast, div, type Expr, index, load, mul, sub } from '../3-tile/expr.ts';
import { elementCount } from '../ir/tensor.ts';
import { broadcastShapes } from './elementwise.ts';
import { type InferContext, type LowerContext, type OpDef, op } from './op.ts';
import { BYTES, requantise } from './quantised.ts';

const scalar = (c: LowerContext, i: number): Expr => load(c.b.view(c.tensor(i), []), []);

/** Inputs come in triples: tensor, scale, zero point (optional); the last triple lacks the tensor. */
function triple(c: LowerContext, i: number): { scale: Expr; zero: Expr } {
  return { scale: cast('f32', scalar(c, i)), zero: c.has(i + 1) ? scalar(c, i + 1) : index(0) };
}

function checkTriples(c: InferContext, operands: number): void {
  for (let k = 0; k <= operands; k++) {
    const x = 3 * k;
    const scale = k === operands ? x : x + 1;
    for (const i of [scale, scale + 1]) {
      if (c.has(i) && elementCount(c.shape(i)) !== 1) c.fail(`input ${i} has shape [${c.shape(i)}], expected a scalar`);
    }
    if (!['f32', 'f16'].includes(c.dtype(scale))) c.fail(`scale is ${c.dtype(scale)}`, undefined, 'UNSUPPORTED_TYPE');
    const other = k === operands ? 0 : x;
    for (const i of k === operands ? [scale + 1] : [x, scale + 1]) {
      if (!c.has(i)) continue;
      if (!BYTES.includes(c.dtype(i)) || c.dtype(i) !== c.dtype(other)) {
        c.fail(`input ${i} is ${c.dtype(i)}, expected ${c.dtype(0)}`, undefined, 'UNSUPPORTED_TYPE');
      }
    }
  }
}

/** An operator over `operands` quantised tensors, f in f32. */
export function qlinearOp(name: string, operands: number, f: (xs: readonly Expr[], c: LowerContext) => Expr): OpDef {
  const count = 3 * operands + 2;
  return op({
    name,
    domain: 'com.microsoft',
    inputs: [count - 1, count],
    infer: (c) => {
      checkTriples(c, operands);
      const shapes = Array.from({ length: operands }, (_, k) => c.dims(3 * k));
      return [c.tensor(c.dtype(0), broadcastShapes(c, ...shapes))];
    },
    lower: (c) => {
      const dtype = c.outDtype();
      const { scale, zero } = triple(c, 3 * operands);
      return [
        c.b.map(dtype, c.outShape(), (ix) => {
          const xs = Array.from({ length: operands }, (_, k) => {
            const p = triple(c, 3 * k + 1);
            return mul(cast('f32', sub(broadcastLoad(c.tensor(3 * k), ix), p.zero)), p.scale);
          });
          return requantise(dtype, div(f(xs, c), scale), zero);
        }),
      ];
    },
  });
}
