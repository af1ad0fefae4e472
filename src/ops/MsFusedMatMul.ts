// com.microsoft FusedMatMul: alpha * A·B with operands transposed first: transA and transB swap the
// last two axes, transBatchA and transBatchB move the first axis before the last.
import { computeType, mul } from '../3-tile/expr.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { matrixProduct, productShape } from './matrix-product.ts';
import { permute } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';
import { like } from './scalar-math.ts';

/** Order of the axes of operand A or B before the product. */
function order(c: InferContext | LowerContext, side: 'A' | 'B', rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  if (rank < 2) return axes;
  const batched = c.int(`transBatch${side}`, 0) !== 0 ? [...axes.slice(1, -1), 0, rank - 1] : axes;
  return c.int(`trans${side}`, 0) !== 0 ? [...batched.slice(0, -2), batched[rank - 1], batched[rank - 2]] : batched;
}

export const MsFusedMatMul = op({
  name: 'FusedMatMul',
  domain: 'com.microsoft',
  inputs: [2, 2],
  types: { 0: FLOATS, 1: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const [a, b] = [c.dims(0), c.dims(1)];
    return [
      c.tensor(
        c.dtype(0),
        productShape(
          c,
          order(c, 'A', a.length).map((i) => a[i]),
          order(c, 'B', b.length).map((i) => b[i]),
        ),
      ),
    ];
  },
  lower: (c) => {
    const dtype = c.outDtype();
    const alpha = c.float('alpha', 1);
    const a = permute(c.b, c.tensor(0), order(c, 'A', c.rank(0)));
    const b = permute(c.b, c.tensor(1), order(c, 'B', c.rank(1)));
    return [
      matrixProduct(
        c,
        {
          a,
          b,
          dtype,
          sumType: computeType(dtype),
          term: mul,
          finish: (total) => (alpha === 1 ? total : mul(total, like(total, alpha))),
        },
        c.outShape(),
      ),
    ];
  },
});
