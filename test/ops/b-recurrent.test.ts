// Recurrent operators and scans against plain loops: directions, lengths per sample, peepholes,
// clipping, activations with parameters; and results that a loop fills row by row.
import { describe, expect, it } from 'vitest';
import type { AttrSpec } from '../../src/web/write.ts';
import { attr, type Operand, runGraph, runNode } from './a-support.ts';
import { at, expectClose, indices, random } from './b-support.ts';

const [T, B, I, H] = [5, 3, 4, 2];
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

interface LstmOptions {
  readonly clip?: number;
  readonly lengths?: readonly number[];
  readonly peepholes?: Operand;
  readonly inputForget?: boolean;
}

interface Run {
  readonly y: number[][][];
  readonly h: number[][];
  readonly c: number[][];
}

/** One direction of an LSTM by its definition; y is [time][batch][hidden]. */
function lstm(d: number, reverse: boolean, [x, w, r, b]: readonly Operand[], o: LstmOptions): Run {
  const y = Array.from({ length: T }, () => Array.from({ length: B }, () => new Array<number>(H).fill(0)));
  const h = Array.from({ length: B }, () => new Array<number>(H).fill(0));
  const c = Array.from({ length: B }, () => new Array<number>(H).fill(0));
  const clip = (v: number): number => (o.clip ? Math.max(-o.clip, Math.min(o.clip, v)) : v);
  for (let n = 0; n < B; n++) {
    const length = o.lengths?.[n] ?? T;
    for (let step = 0; step < length; step++) {
      const t = reverse ? length - 1 - step : step;
      const sum = (g: number, k: number): number => {
        const row = g * H + k;
        let s = at(b, [d, row]) + at(b, [d, 4 * H + row]);
        for (let i = 0; i < I; i++) s += at(x, [t, n, i]) * at(w, [d, row, i]);
        for (let j = 0; j < H; j++) s += h[n][j] * at(r, [d, row, j]);
        return s;
      };
      const peep = (g: number, k: number, cell: number): number =>
        o.peepholes ? at(o.peepholes, [d, g * H + k]) * cell : 0;
      const gates = Array.from({ length: H }, (_, k) => {
        const input = sigmoid(clip(sum(0, k) + peep(0, k, c[n][k])));
        const forget = o.inputForget ? 1 - input : sigmoid(clip(sum(2, k) + peep(2, k, c[n][k])));
        const cell = forget * c[n][k] + input * Math.tanh(clip(sum(3, k)));
        return { cell, out: sigmoid(clip(sum(1, k) + peep(1, k, cell))) * Math.tanh(cell) };
      });
      for (const [k, g] of gates.entries()) {
        c[n][k] = g.cell;
        h[n][k] = g.out;
        y[t][n][k] = g.out;
      }
    }
  }
  return { y, h, c };
}

const WEIGHTS = (directions: number): Operand[] => [
  random(1, T, B, I),
  random(2, directions, 4 * H, I),
  random(3, directions, 4 * H, H),
  random(4, directions, 8 * H),
];

const CASES: readonly (readonly [string, boolean[], LstmOptions])[] = [
  ['forward', [false], {}],
  ['reverse', [true], { clip: 0.3 }],
  ['bidirectional', [false, true], { lengths: [5, 2, 3] }],
  ['bidirectional', [false, true], { peepholes: random(9, 2, 3 * H), inputForget: true }],
];

describe('LSTM', () => {
  for (const [direction, reversed, o] of CASES) {
    it(`${direction} with ${Object.keys(o).join(' and ') || 'defaults'}`, async () => {
      const operands = WEIGHTS(reversed.length);
      const lengths: Operand | null = o.lengths ? ['i32', [B], [...o.lengths]] : null;
      const attrs: Record<string, AttrSpec> = { hidden_size: attr.int(H), direction: attr.string(direction) };
      if (o.clip) attrs.clip = attr.float(o.clip);
      if (o.inputForget) attrs.input_forget = attr.int(1);
      const [y, h, c] = await runNode({
        op: 'LSTM',
        inputs: [...operands, lengths, null, null, o.peepholes ?? null],
        attrs,
        outputs: 3,
      });
      const runs = reversed.map((r, d) => lstm(d, r, operands, o));
      const want = [...indices([T, reversed.length, B, H])].map(([t, d, n, k]) => runs[d].y[t][n][k]);
      expectClose(y, [T, reversed.length, B, H], want);
      expectClose(
        h,
        [reversed.length, B, H],
        runs.flatMap((r) => r.h.flat()),
      );
      expectClose(
        c,
        [reversed.length, B, H],
        runs.flatMap((r) => r.c.flat()),
      );
    });
  }

  it('swaps batch and time with layout 1', async () => {
    const [x, ...rest] = WEIGHTS(1);
    const turned: Operand = ['f32', [B, T, I], [...indices([B, T, I])].map(([n, t, i]) => at(x, [t, n, i]))];
    const [plain] = await runNode({ op: 'LSTM', inputs: [x, ...rest] });
    const [y, h] = await runNode({ op: 'LSTM', inputs: [turned, ...rest], attrs: { layout: attr.int(1) }, outputs: 2 });
    const wanted: Operand = ['f32', plain.shape, plain.values];
    expectClose(
      y,
      [B, T, 1, H],
      [...indices([B, T, 1, H])].map(([n, t, d, k]) => at(wanted, [t, d, n, k])),
    );
    expect(h.shape).toEqual([B, 1, H]);
  });

  it('refuses a recurrent weight of another size', async () => {
    const [x, w, , b] = WEIGHTS(1);
    await expect(runNode({ op: 'LSTM', inputs: [x, w, random(3, 1, 7, H), b] })).rejects.toThrow(
      /INVALID_SHAPE.*R has shape/,
    );
  });
});

describe('GRU', () => {
  for (const before of [0, 1]) {
    it(`resets ${before ? 'after' : 'before'} the recurrent product`, async () => {
      const [x, w, r, b] = [random(1, T, 1, I), random(2, 1, 3 * H, I), random(3, 1, 3 * H, H), random(4, 1, 6 * H)];
      const [y] = await runNode({ op: 'GRU', inputs: [x, w, r, b], attrs: { linear_before_reset: attr.int(before) } });
      let h = new Array<number>(H).fill(0);
      const want: number[] = [];
      for (let t = 0; t < T; t++) {
        const part = (row: number): number =>
          Array.from({ length: I }, (_, i) => at(x, [t, 0, i]) * at(w, [0, row, i])).reduce(
            (a, v) => a + v,
            at(b, [0, row]),
          );
        const back = (row: number, s: readonly number[]): number =>
          s.reduce((a, v, j) => a + v * at(r, [0, row, j]), at(b, [0, 3 * H + row]));
        const gates = h.map((_, k) => [sigmoid(part(k) + back(k, h)), sigmoid(part(H + k) + back(H + k, h))]);
        const reset = h.map((v, k) => v * gates[k][1]);
        h = h.map((v, k) => {
          const row = 2 * H + k;
          const fresh = Math.tanh(part(row) + (before ? gates[k][1] * back(row, h) : back(row, reset)));
          return (1 - gates[k][0]) * fresh + gates[k][0] * v;
        });
        want.push(...h);
      }
      expectClose(y, [T, 1, 1, H], want);
    });
  }
});

describe('RNN', () => {
  it('takes activations with their own parameters per direction', async () => {
    const [x, w, r] = [random(1, 2, 1, 1), random(2, 2, 1, 1), random(3, 2, 1, 1)];
    const [y] = await runNode({
      op: 'RNN',
      inputs: [x, w, r],
      attrs: {
        direction: attr.string('bidirectional'),
        activations: { kind: 'strings', value: ['LeakyRelu', 'Affine'] },
        activation_alpha: attr.floats([0.5, 2]),
        activation_beta: attr.floats([0, 3]),
      },
    });
    const leaky = (v: number): number => (v < 0 ? 0.5 * v : v);
    const affine = (v: number): number => 2 * v + 3;
    const f0 = leaky(at(x, [0, 0, 0]) * at(w, [0, 0, 0]));
    const f1 = leaky(at(x, [1, 0, 0]) * at(w, [0, 0, 0]) + f0 * at(r, [0, 0, 0]));
    const b1 = affine(at(x, [1, 0, 0]) * at(w, [1, 0, 0]));
    const b0 = affine(at(x, [0, 0, 0]) * at(w, [1, 0, 0]) + b1 * at(r, [1, 0, 0]));
    expectClose(y, [2, 2, 1, 1], [f0, b0, f1, b1]);
  });
});

/** A scan that carries a running sum and stacks it. */
const sums = (attrs: Readonly<Record<string, AttrSpec>>): Parameters<typeof runGraph>[0] => ({
  inputs: [{ name: 'start' }, { name: 'x' }],
  outputs: [{ name: 'last' }, { name: 'all' }],
  nodes: [
    {
      op: 'Scan',
      inputs: ['start', 'x'],
      outputs: ['last', 'all'],
      attrs: {
        ...attrs,
        num_scan_inputs: attr.int(1),
        body: attr.graph({
          inputs: [
            { name: 'sum', dtype: 'f32', shape: [2] },
            { name: 'row', dtype: 'f32', shape: [2] },
          ],
          outputs: [{ name: 'next' }, { name: 'each' }],
          nodes: [
            { op: 'Add', inputs: ['sum', 'row'], outputs: ['next'] },
            { op: 'Neg', inputs: ['next'], outputs: ['each'] },
          ],
        }),
      },
    },
  ],
});

describe('Scan', () => {
  const start: Operand = ['f32', [2], [0, 10]];
  const x: Operand = ['f32', [2, 3], [1, 2, 3, 4, 5, 6]];
  for (const target of ['interpreter', 'wasm'] as const) {
    it(`runs over a middle axis backwards and stacks along the last one (${target})`, async () => {
      const graph = sums({
        scan_input_axes: attr.ints([1]),
        scan_input_directions: attr.ints([1]),
        scan_output_axes: attr.ints([-1]),
        scan_output_directions: attr.ints([1]),
      });
      const [last, all] = await runGraph(graph, [start, x], target);
      expectClose(last, [2], [6, 25]);
      expectClose(all, [2, 3], [-6, -5, -3, -25, -21, -16]);
    });

    it(`keeps the rows of a stacked output while the loop runs on (${target})`, async () => {
      const long: Operand = ['f32', [40, 2], Array.from({ length: 80 }, () => 1)];
      const [, all] = await runGraph(sums({}), [start, long], target);
      expectClose(
        all,
        [40, 2],
        Array.from({ length: 80 }, (_, i) => -(Math.floor(i / 2) + 1 + (i % 2 ? 10 : 0))),
      );
    });
  }
});
