// SimplifiedLayerNormalization, which exporters write in the default domain: RMSNormalization, with
// the inverse root mean square as second output.
import { computeType } from '../3-tile/expr.ts';
import { FLOATS } from './elementwise.ts';
import { loadAs } from './moments.ts';
import { type LowerContext, type OpDef, op, type TileTensor } from './op.ts';
import { rmsNormalise } from './rms.ts';
import { checkBroadcastToInput, normAxis, stashType } from './trailing-norm.ts';

/** The second output: [outer…, 1…] in the type that stash_type names. */
function inverseOutput(c: LowerContext, inverse: TileTensor): TileTensor | null {
  if (!c.wants(1)) return null;
  const to = c.outDtype(1);
  const same = inverse.dtype === to;
  const cast = same ? inverse : c.b.map(to, inverse.shape, (ix) => loadAs(computeType(to), inverse, ix));
  return c.b.view(cast, c.outShape(1));
}

export function simplifiedLayerNorm(domain: string): OpDef {
  return op({
    name: 'SimplifiedLayerNormalization',
    domain,
    inputs: [2, 2],
    outputs: [1, 2],
    types: { 0: FLOATS, 1: FLOATS },
    infer: (c) => {
      const axis = normAxis(c);
      checkBroadcastToInput(c, 1, 'scale');
      const kept = c.dims(0).map((d, i) => (i < axis ? d : 1));
      return [c.tensor(c.dtype(1), c.dims(0)), c.tensor(stashType(c), kept)];
    },
    lower: (c) => {
      const { y, inverse } = rmsNormalise(c);
      return [y, inverseOutput(c, inverse)];
    },
  });
}

export const SimplifiedLayerNormalization = simplifiedLayerNorm('');
