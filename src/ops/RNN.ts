// ONNX RNN since 14: H = f(X W' + H R' + bias) over a sequence.
import { FLOATS } from './elementwise.ts';
import { op } from './op.ts';
import { type Cell, expandRecurrent } from './recurrent.ts';

const CELL: Cell = {
  gates: 1,
  activations: ['Tanh'],
  states: 1,
  initial: [5],
  joinBias: true,
  step: (d, x, [h]) => {
    const sum = d.c.one('Gemm', [h, d.weights, x], { transB: 1 });
    return [d.activations[0](d.clip(sum))];
  },
};

export const RNN = op({
  name: 'RNN',
  inputs: [3, 6],
  outputs: [0, 2],
  since: 14,
  types: { 0: FLOATS, 4: ['i32'] },
  expand: (c) => expandRecurrent(c, CELL),
});
