// ONNX Reshape since 5: the same elements under a new shape; -1 is inferred, 0 copies unless allowzero.
import { type Dim, floorDivDim, isStatic, productDim } from '../ir/dim.ts';
import { type InferContext, op } from './op.ts';

function target(c: InferContext): Dim[] {
  const dims = c.dims(0);
  const asked = c.numbers(1);
  const keepZero = c.int('allowzero', 0) === 1;
  const out: Dim[] = asked.map((d, i) => {
    if (d !== 0 || keepZero) return d;
    return dims[i] ?? c.fail(`shape [${asked}] copies extent ${i} of an input of rank ${dims.length}`);
  });
  const open = asked.filter((d) => d === -1).length;
  if (open > 1 || asked.some((d) => d < -1)) c.fail(`shape [${asked}] is not a valid target`);
  const total = productDim(dims);
  const known = productDim(out.filter((d) => d !== -1));
  if (open === 0) {
    if (isStatic(total) && isStatic(known) && total !== known) c.fail(`[${dims}] does not reshape to [${asked}]`);
    return out;
  }
  if (known === 0) return c.fail(`-1 in [${asked}] is ambiguous beside an extent of 0`);
  const rest = floorDivDim(total, known);
  if (isStatic(total) && isStatic(known) && (rest as number) * known !== total) {
    c.fail(`[${dims}] does not reshape to [${asked}]`);
  }
  return out.map((d) => (d === -1 ? rest : d));
}

export const Reshape = op({
  name: 'Reshape',
  inputs: [2, 2],
  since: 5,
  types: { 1: ['i64'] },
  infer: (c) => [c.tensor(c.dtype(0), target(c))],
  lower: (c) => [c.b.view(c.tensor(0), c.outShape())],
});
