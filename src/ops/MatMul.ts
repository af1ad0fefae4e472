// ONNX MatMul since 13: NumPy matmul. Rank-1 operands gain a unit axis that the result loses.
import { type Dim, isStatic } from '../ir/dim.ts';
import { computeType, type Expr, index, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { broadcastShapes, NUMERIC, sameTypes } from './elementwise.ts';
import { type InferContext, op, type TileTensor } from './op.ts';

/** [batch…, M, K] of a left operand and [batch…, K, N] of a right one, unit axes added. */
const asLeft = <T>(s: readonly T[], one: T): readonly T[] => (s.length === 1 ? [one, s[0]] : s);
const asRight = <T>(s: readonly T[], one: T): readonly T[] => (s.length === 1 ? [s[0], one] : s);

function inferMatMul(c: InferContext): Dim[] {
  const [a, b] = [c.dims(0), c.dims(1)];
  if (a.length === 0 || b.length === 0) c.fail('operands must have at least one dimension');
  const [l, r] = [asLeft<Dim>(a, 1), asRight<Dim>(b, 1)];
  const [k1, k2] = [l[l.length - 1], r[r.length - 2]];
  if (isStatic(k1) && isStatic(k2) && k1 !== k2) c.fail(`inner extents ${k1} and ${k2} differ`);
  const batch = broadcastShapes(c, l.slice(0, -2), r.slice(0, -2));
  return [...batch, ...(a.length > 1 ? [l[l.length - 2]] : []), ...(b.length > 1 ? [r[r.length - 1]] : [])];
}

/** Load of an operand at batch indices `bx` (broadcast) and matrix indices. */
function operand(t: TileTensor, bx: readonly Expr[], row: Expr, col: Expr): Expr {
  const batch = t.shape.slice(0, -2);
  const skip = bx.length - batch.length;
  return load(t, [...batch.map((d, i) => (d === 1 ? index(0) : bx[i + skip])), row, col]);
}

export const MatMul = op({
  name: 'MatMul', inputs: [2, 2], types: { 0: NUMERIC, 1: NUMERIC },
  infer: (c) => {
    sameTypes(c);
    return [c.tensor(c.dtype(0), inferMatMul(c))];
  },
  lower: (c) => {
    const { b } = c;
    const left = b.view(c.tensor(0), asLeft(c.shape(0), 1));
    const right = b.view(c.tensor(1), asRight(c.shape(1), 1));
    const [m, n, k] = [left.shape.at(-2)!, right.shape.at(-1)!, left.shape.at(-1)!];
    const rank = Math.max(left.shape.length, right.shape.length) - 2;
    const batch = c.outShape().slice(0, rank);
    const dtype = computeType(c.outDtype());
    const out = b.reduce(c.outDtype(), [...batch, m, n], [k], sum(dtype), (ix, [r]) => {
      const [bx, i, j] = [ix.slice(0, -2), ix[rank], ix[rank + 1]];
      return mul(operand(left, bx, i, r), operand(right, bx, r, j));
    });
    return [b.view(out, c.outShape())];
  },
});
