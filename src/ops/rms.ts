// x / sqrt(mean of x² + epsilon) over all axes from `axis` on, times a scale: what the root mean
// square normalisations share.
import { broadcastLoad } from '../3-tile/builder.ts';
import { cast, computeType, load, mul } from '../3-tile/expr.ts';
import { inverseDeviation, loadAs, meanOver } from './moments.ts';
import type { LowerContext, TileTensor } from './op.ts';
import { splitShape } from './trailing-norm.ts';

/** The result in the type of output 0, and the inverse root mean square [outer…]. */
export function rmsNormalise(c: LowerContext): { y: TileTensor; inverse: TileTensor } {
  const { b } = c;
  const [x, scale] = [c.tensor(0), c.tensor(1)];
  const { outer, inner } = splitShape(c);
  const dtype = computeType(x.dtype);
  const square = meanOver(b, dtype, outer, inner, (ix, rx) => {
    const e = load(x, [...ix, ...rx]);
    return mul(e, e);
  });
  const inverse = inverseDeviation(b, square, c.float('epsilon', 1e-5));
  const to = computeType(c.outDtype());
  const y = b.map(c.outDtype(), x.shape, (ix) => {
    const normal = mul(loadAs(dtype, x, ix), load(inverse, ix.slice(0, outer.length)));
    return mul(cast(to, normal), cast(to, broadcastLoad(scale, ix)));
  });
  return { y, inverse };
}
