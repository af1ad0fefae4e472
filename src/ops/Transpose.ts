// ONNX Transpose since 1: axes permuted by perm, reversed without it.
import { ANY } from './elementwise.ts';
import { permute } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

function permutation(c: InferContext | LowerContext, rank: number): number[] {
  const perm = c.ints('perm');
  if (!perm || (perm.length === 0 && rank === 0)) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const valid = perm.length === rank && [...perm].sort((a, b) => a - b).every((p, i) => p === i);
  if (!valid) c.fail(`perm [${perm}] is not a permutation of ${rank} axes`);
  return perm;
}

export const Transpose = op({
  name: 'Transpose',
  types: { 0: ANY },
  infer: (c) => {
    const dims = c.dims(0);
    return [
      c.tensor(
        c.dtype(0),
        permutation(c, dims.length).map((p) => dims[p]),
      ),
    ];
  },
  lower: (c) => [permute(c.b, c.tensor(0), permutation(c, c.rank(0)))],
});
