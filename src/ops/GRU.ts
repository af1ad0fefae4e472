// ONNX GRU since 14: gates z (update), r (reset), h (candidate), stacked in this order.
import { FLOATS } from './elementwise.ts';
import { columns, slice } from './expansions.ts';
import { op, type StaticTensor } from './op.ts';
import { type Cell, type Direction, expandRecurrent, gate } from './recurrent.ts';

/** Rows from..to of the recurrent weight times the state, plus the recurrent bias when asked. */
function recurrent(
  d: Direction,
  state: StaticTensor,
  from: number,
  to: number,
  addend: StaticTensor | null,
): StaticTensor {
  const {
    c,
    sizes: { hidden },
  } = d;
  const rows = slice(c, d.weights, 0, from * hidden, to * hidden);
  return c.one('Gemm', [state, rows, addend], { transB: 1 });
}

function biasOf(d: Direction, from: number, to: number): StaticTensor | null {
  const { hidden } = d.sizes;
  return d.recurrentBias && columns(d.c, d.recurrentBias, from * hidden, to * hidden);
}

function candidate(d: Direction, x: StaticTensor, h: StaticTensor, reset: StaticTensor): StaticTensor {
  const { c } = d;
  if (c.int('linear_before_reset', 0) !== 0) {
    const product = recurrent(d, h, 2, 3, biasOf(d, 2, 3));
    return c.one('Add', [gate(d, x, 2), c.one('Mul', [reset, product])]);
  }
  return c.one('Add', [gate(d, x, 2), recurrent(d, c.one('Mul', [reset, h]), 2, 3, biasOf(d, 2, 3))]);
}

const CELL: Cell = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  states: 1,
  initial: [5],
  joinBias: false,
  step: (d, x, [h]) => {
    const { c } = d;
    const [f, g] = d.activations;
    const both = c.one('Add', [columns(c, x, 0, 2 * d.sizes.hidden), recurrent(d, h, 0, 2, biasOf(d, 0, 2))]);
    const gates = f(d.clip(both));
    const [update, reset] = [gate(d, gates, 0), gate(d, gates, 1)];
    const fresh = g(d.clip(candidate(d, x, h, reset)));
    const one = c.constant(h.dtype, [], [1]);
    const kept = c.one('Mul', [update, h]);
    return [c.one('Add', [c.one('Mul', [c.one('Sub', [one, update]), fresh]), kept])];
  },
};

export const GRU = op({
  name: 'GRU',
  inputs: [3, 6],
  outputs: [0, 2],
  since: 14,
  types: { 0: FLOATS, 4: ['i32'] },
  expand: (c) => expandRecurrent(c, CELL),
});
