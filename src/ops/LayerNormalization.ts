// ONNX LayerNormalization since 17: mean and variance over all axes from `axis` on, then scale and
// bias; mean and 1/deviation are further outputs in the type that stash_type names.
import { add, computeType, load, mul, sub } from '../3-tile/expr.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { inverseDeviation, loadAs, moments } from './moments.ts';
import { op } from './op.ts';
import { checkBroadcastToInput, normAxis, parameterAt, splitShape, stashType } from './trailing-norm.ts';

export const LayerNormalization = op({
  name: 'LayerNormalization',
  inputs: [2, 3],
  outputs: [1, 3],
  since: 17,
  types: { 0: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const axis = normAxis(c);
    checkBroadcastToInput(c, 1, 'scale');
    checkBroadcastToInput(c, 2, 'bias');
    const kept = c.dims(0).map((d, i) => (i < axis ? d : 1));
    const stash = c.tensor(stashType(c), kept);
    return [c.tensor(c.dtype(0), c.dims(0)), stash, stash];
  },
  lower: (c) => {
    const { b } = c;
    const x = c.tensor(0);
    const { outer, inner } = splitShape(c);
    const dtype = computeType(x.dtype);
    const { mean, variance } = moments(b, dtype, outer, inner, (ix, rx) => load(x, [...ix, ...rx]));
    const inverse = inverseDeviation(b, variance, c.float('epsilon', 1e-5));
    const y = b.map(x.dtype, x.shape, (ix) => {
      const row = ix.slice(0, outer.length);
      const normal = mul(sub(load(x, ix), load(mean, row)), load(inverse, row));
      const scaled = mul(normal, parameterAt(c.tensor(1), ix));
      return c.has(2) ? add(scaled, parameterAt(c.tensor(2), ix)) : scaled;
    });
    const stashed = [mean, inverse].map((t, i) => {
      if (!c.wants(i + 1)) return null;
      const to = c.outDtype(i + 1);
      const cast = t.dtype === to ? t : b.map(to, t.shape, (ix) => loadAs(computeType(to), t, ix));
      return b.view(cast, c.outShape(i + 1));
    });
    return [y, ...stashed];
  },
});
