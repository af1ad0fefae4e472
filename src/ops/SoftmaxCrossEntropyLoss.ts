// ONNX SoftmaxCrossEntropyLoss since 13: the negative log-likelihood loss of the log-softmax over
// classes, which is the second output.
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';

export const SoftmaxCrossEntropyLoss = op({
  name: 'SoftmaxCrossEntropyLoss',
  inputs: [2, 3],
  outputs: [1, 2],
  since: 13,
  types: { 0: FLOATS, 1: ['i32', 'i64'], 2: FLOATS },
  expand: (c) => {
    const scores = c.tensor(0);
    if (scores.shape.length < 2) c.fail(`scores have rank ${scores.shape.length}, expected at least 2`);
    const logs = c.one('LogSoftmax', [scores], { axis: 1 });
    const loss = c.one('NegativeLogLikelihoodLoss', [logs, c.tensor(1), c.has(2) ? c.tensor(2) : null], {
      reduction: c.string('reduction', 'mean'),
      ...(c.hasAttr('ignore_index') && { ignore_index: c.int('ignore_index', 0) }),
    });
    return [loss, logs];
  },
});
