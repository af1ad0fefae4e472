// ONNX LSTM since 14: gates i (input), o (output), f (forget), c (cell), stacked in this order;
// peephole weights P stack i, o, f.
import { FLOATS } from './elementwise.ts';
import { part } from './expansions.ts';
import { op, type StaticTensor } from './op.ts';
import { type Cell, type Direction, expandRecurrent, gate } from './recurrent.ts';

/** A gate's sum with its peephole view of the cell state. */
function peephole(d: Direction, sum: StaticTensor, cell: StaticTensor, which: number): StaticTensor {
  const { c } = d;
  if (!c.has(7)) return sum;
  const p = c.tensor(7);
  const weights = part(c, p.dtype === cell.dtype ? p : c.one('CastLike', [p, cell]), d.index);
  return c.one('Add', [sum, c.one('Mul', [gate(d, weights, which), cell])]);
}

const CELL: Cell = {
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  states: 2,
  initial: [5, 6],
  joinBias: true,
  step: (d, x, [h, cell]) => {
    const { c } = d;
    const [f, g, out] = d.activations;
    const sums = c.one('Gemm', [h, d.weights, x], { transB: 1 });
    const input = f(d.clip(peephole(d, gate(d, sums, 0), cell, 0)));
    const forget =
      c.int('input_forget', 0) !== 0
        ? c.one('Sub', [c.constant(h.dtype, [], [1]), input])
        : f(d.clip(peephole(d, gate(d, sums, 2), cell, 2)));
    const fresh = g(d.clip(gate(d, sums, 3)));
    const next = c.one('Add', [c.one('Mul', [forget, cell]), c.one('Mul', [input, fresh])]);
    const opened = f(d.clip(peephole(d, gate(d, sums, 1), next, 1)));
    return [c.one('Mul', [opened, out(next)]), next];
  },
};

export const LSTM = op({
  name: 'LSTM',
  inputs: [3, 8],
  outputs: [0, 3],
  since: 14,
  types: { 0: FLOATS, 4: ['i32'] },
  expand: (c) => {
    if (c.has(7)) {
      const [given, hidden] = [c.tensor(7).shape, c.tensor(2).shape[2]];
      if (given.length !== 2 || given[1] !== 3 * hidden)
        c.fail(`P has shape [${given}], expected [directions, ${3 * hidden}]`);
    }
    return expandRecurrent(c, CELL);
  },
});
