// ONNX Dropout since 12: the input itself and a mask of ones. Training mode drops at random and is
// refused, unless the ratio is 0.
import { constant } from '../3-tile/expr.ts';
import { FLOATS } from './elementwise.ts';
import { type InferContext, op } from './op.ts';

function checkRatio(c: InferContext): void {
  const trains = c.has(2) && c.numbers(2)[0] !== 0;
  if (!trains) return;
  const ratio = c.has(1) ? c.numbers(1)[0] : 0.5;
  if (ratio === 0) return;
  c.fail(
    `training mode is not supported: ratio ${ratio} drops elements at random`,
    'Export the model for inference.',
    'UNSUPPORTED_OPERATOR',
  );
}

export const Dropout = op({
  name: 'Dropout',
  inputs: [1, 3],
  outputs: [1, 2],
  since: 12,
  types: { 0: FLOATS, 1: FLOATS, 2: ['bool'] },
  infer: (c) => {
    for (const i of [1, 2]) {
      if (c.has(i) && c.rank(i) > 1) c.fail(`input ${i} has rank ${c.rank(i)}, expected a scalar`);
    }
    checkRatio(c);
    return [c.tensor(c.dtype(0), c.dims(0)), c.tensor('bool', c.dims(0))];
  },
  lower: (c) => [
    c.b.view(c.tensor(0), c.outShape()),
    c.wants(1) ? c.b.map('bool', c.outShape(1), () => constant('bool', 1)) : null,
  ],
});
