// Normalisation of a sum of an input, a skip connection and an optional bias; the sum itself is the
// fourth output.
import { FLOATS } from './elementwise.ts';
import { type OpDef, op, type StaticTensor } from './op.ts';

interface SkipNorm {
  /** Input numbers of what is added, and whether scale is followed by a shift. */
  readonly bias: number;
  readonly normaliser: 'LayerNormalization' | 'SimplifiedLayerNormalization';
}

export function skipNorm(name: string, { bias, normaliser }: SkipNorm): OpDef {
  const shifted = normaliser === 'LayerNormalization';
  return op({
    name,
    domain: 'com.microsoft',
    inputs: [3, bias + 1],
    outputs: [1, 4],
    types: { 0: FLOATS, 1: FLOATS, 2: FLOATS },
    expand: (c) => {
      const joined = c.one('Add', [c.tensor(0), c.tensor(1)]);
      const sum = c.has(bias) ? c.one('Add', [joined, c.tensor(bias)]) : joined;
      if (sum.shape.join() !== c.tensor(0).shape.join()) c.fail(`the sum has shape [${sum.shape}]`);
      const epsilon = { float: c.float('epsilon', 1e-12) };
      const shift = shifted && c.has(3) ? [c.tensor(3)] : [];
      const inputs: StaticTensor[] = [sum, c.tensor(2), ...shift];
      const results = c.emit(normaliser, inputs, { axis: -1, epsilon }, shifted ? 3 : 2);
      return shifted ? [...results, sum] : [results[0], null, results[1], sum];
    },
  });
}
