// Windowed operators against plain loops: convolutions with groups, dilations and uneven pads in one
// to three axes, their transposes, and pools whose windows overhang.
import { describe, expect, it } from 'vitest';
import { type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { attr, type NodeCase, type Operand, runGraph, runNode } from './a-support.ts';
import { at, expectClose, indices, product, random } from './b-support.ts';

interface ConvCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly group: number;
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

const CONVOLUTIONS: readonly ConvCase[] = [
  { x: [2, 3, 7], w: [4, 3, 3], group: 1, strides: [2], dilations: [1], pads: [1, 2] },
  { x: [1, 4, 5, 6], w: [6, 2, 3, 2], group: 2, strides: [1, 2], dilations: [2, 1], pads: [2, 0, 1, 1] },
  { x: [2, 3, 6, 5], w: [3, 1, 3, 3], group: 3, strides: [1, 1], dilations: [1, 2], pads: [1, 2, 1, 2] },
  {
    x: [1, 2, 3, 4, 3],
    w: [2, 2, 2, 1, 3],
    group: 1,
    strides: [1, 1, 1],
    dilations: [1, 1, 1],
    pads: [0, 0, 1, 1, 0, 1],
  },
];

/** Direct definition: out[n, m, o] = b[m] + sum of x[n, c, o*s + k*d - p] * w[m, c, k]. */
function convolution(c: ConvCase, x: Operand, w: Operand, b: Operand): { shape: number[]; values: number[] } {
  const d = c.strides.length;
  const kernel = c.w.slice(2);
  const spatial = c.x.slice(2).map((e, i) => {
    const span = (kernel[i] - 1) * c.dilations[i] + 1;
    return Math.floor((e + c.pads[i] + c.pads[d + i] - span) / c.strides[i]) + 1;
  });
  const shape = [c.x[0], c.w[0], ...spatial];
  const perGroup = c.w[0] / c.group;
  const values = [...indices(shape)].map(([n, m, ...o]) => {
    let total = at(b, [m]);
    for (const [r, ...k] of indices([c.w[1], ...kernel])) {
      const from = o.map((e, i) => e * c.strides[i] + k[i] * c.dilations[i] - c.pads[i]);
      if (from.some((e, i) => e < 0 || e >= c.x[i + 2])) continue;
      const channel = Math.floor(m / perGroup) * c.w[1] + r;
      total += at(x, [n, channel, ...from]) * at(w, [m, r, ...k]);
    }
    return total;
  });
  return { shape, values };
}

describe('convolutions', () => {
  for (const [i, c] of CONVOLUTIONS.entries()) {
    it(`matches the definition for x [${c.x}] and w [${c.w}]`, async () => {
      const [x, w, b] = [random(i, ...c.x), random(i + 50, ...c.w), random(i + 90, c.w[0])];
      const [y] = await runNode({
        op: 'Conv',
        inputs: [x, w, b],
        attrs: {
          group: attr.int(c.group),
          strides: attr.ints(c.strides),
          dilations: attr.ints(c.dilations),
          pads: attr.ints(c.pads),
        },
      });
      const want = convolution(c, x, w, b);
      expectClose(y, want.shape, want.values);
    });

    it(`transposes it: the adjoint in an inner product, w [${c.w}]`, async () => {
      // <conv(x), y> = <x, convTranspose(y)> when strides leave no remainder.
      const attrs = {
        group: attr.int(c.group),
        strides: attr.ints(c.strides),
        dilations: attr.ints(c.dilations),
        pads: attr.ints(c.pads),
      };
      const [x, w] = [random(i, ...c.x), random(i + 50, ...c.w)];
      const [forward] = await runNode({ op: 'Conv', inputs: [x, w], attrs });
      const y = random(i + 7, ...forward.shape);
      const [back] = await runNode({
        op: 'ConvTranspose',
        inputs: [y, w],
        attrs: { ...attrs, output_padding: attr.ints(remainder(c, forward.shape)) },
      });
      const dot = (a: readonly unknown[], b: readonly unknown[]): number =>
        a.reduce<number>((s, v, k) => s + Number(v) * Number(b[k]), 0);
      expect(back.shape).toEqual([...c.x]);
      expect(dot(forward.values, y[2])).toBeCloseTo(dot(x[2], back.values), 4);
    });
  }

  it('refuses weights that do not fit the groups', async () => {
    const run = runNode({
      op: 'Conv',
      inputs: [random(1, 1, 4, 3), random(2, 3, 2, 1)],
      attrs: { group: attr.int(2) },
    });
    await expect(run).rejects.toThrow(/INVALID_SHAPE.*split into 2 groups/);
  });

  it('refuses a window larger than the padded input', async () => {
    await expect(runNode({ op: 'Conv', inputs: [random(1, 1, 1, 3), random(2, 1, 1, 5)] })).rejects.toThrow(
      /does not fit/,
    );
  });

  it('takes padding of integers to be the zero point', async () => {
    const x: Operand = ['u8', [1, 1, 2], [10, 12]];
    const w: Operand = ['i8', [1, 1, 3], [1, 1, 1]];
    const [y] = await runNode({
      op: 'ConvInteger',
      inputs: [x, w, ['u8', [], [10]]],
      attrs: { pads: attr.ints([1, 1]) },
    });
    expect(y).toEqual({ dtype: 'i32', shape: [1, 1, 2], values: [2, 2] });
  });
});

/** Extents that the strides of a convolution leave over: the output padding of its transpose. */
function remainder(c: ConvCase, shape: readonly number[]): number[] {
  const d = c.strides.length;
  return c.strides.map((s, i) => {
    const span = (c.w[i + 2] - 1) * c.dilations[i] + 1;
    return c.x[i + 2] + c.pads[i] + c.pads[d + i] - span - (shape[i + 2] - 1) * s;
  });
}

const row: Operand = ['f32', [1, 1, 6], [1, 5, 2, 6, 3, 4]];
const POOLS: readonly (readonly [string, NodeCase, readonly number[]])[] = [
  [
    'AveragePool leaves out what overhangs',
    {
      op: 'AveragePool',
      inputs: [row],
      attrs: { kernel_shape: attr.ints([4]), strides: attr.ints([4]), ceil_mode: attr.int(1) },
    },
    [3.5, 3.5],
  ],
  [
    'AveragePool counts stated padding only',
    {
      op: 'AveragePool',
      inputs: [row],
      attrs: {
        kernel_shape: attr.ints([4]),
        strides: attr.ints([3]),
        pads: attr.ints([1, 1]),
        count_include_pad: attr.int(1),
        ceil_mode: attr.int(1),
      },
    },
    [2, 15 / 4, 4 / 2],
  ],
  [
    'LpPool of dilated taps',
    {
      op: 'LpPool',
      inputs: [row],
      attrs: { kernel_shape: attr.ints([2]), dilations: attr.ints([3]), p: attr.int(1) },
    },
    [7, 8, 6],
  ],
];

describe('pools', () => {
  for (const [name, c, want] of POOLS) {
    it(name, async () => {
      const [y] = await runNode(c);
      expectClose(y, [1, 1, want.length], want);
    });
  }

  it('gives row-major and column-major positions of the largest elements', async () => {
    const x: Operand = ['f32', [1, 2, 2, 3], [1, 2, 3, 6, 5, 4, 9, 8, 7, 1, 2, 3]];
    const attrs = { kernel_shape: attr.ints([2, 2]) };
    const [, rows] = await runNode({ op: 'MaxPool', inputs: [x], attrs, outputs: 2 });
    const [, columns] = await runNode({
      op: 'MaxPool',
      inputs: [x],
      attrs: { ...attrs, storage_order: attr.int(1) },
      outputs: 2,
    });
    expect(rows.values).toEqual([3n, 4n, 6n, 7n]);
    expect(columns.values).toEqual([1n, 3n, 6n, 8n]);
  });

  it('puts unpooled elements back where they were', async () => {
    const x = random(3, 1, 2, 4, 4);
    const attrs = { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) };
    const [y, where] = await runNode({ op: 'MaxPool', inputs: [x], attrs, outputs: 2 });
    const [back] = await runNode({
      op: 'MaxUnpool',
      inputs: [
        ['f32', y.shape, y.values],
        ['i64', where.shape, where.values],
      ],
      attrs,
    });
    const want = x[2].map((v, i) => (where.values.includes(BigInt(i)) ? v : 0));
    expectClose(back, [1, 2, 4, 4], want);
  });

  it('adds the columns of overlapping blocks', async () => {
    // A block of ones at every position counts how many blocks cover a pixel.
    const columns: Operand = ['f32', [1, 4, 4], new Array<number>(16).fill(1)];
    const [y] = await runNode({
      op: 'Col2Im',
      inputs: [columns, ['i64', [2], [3n, 3n]], ['i64', [2], [2n, 2n]]],
      known: [1, 2],
    });
    expectClose(y, [1, 1, 3, 3], [1, 2, 1, 2, 4, 2, 1, 2, 1]);
  });

  it('takes the largest element of the bins of a region', async () => {
    const x: Operand = ['f32', [1, 1, 4, 4], Array.from({ length: 16 }, (_, i) => i)];
    const [y] = await runNode({
      op: 'MaxRoiPool',
      inputs: [x, ['f32', [1, 5], [0, 0, 0, 3, 3]]],
      attrs: { pooled_shape: attr.ints([2, 2]) },
    });
    expectClose(y, [1, 1, 2, 2], [5, 7, 13, 15]);
  });

  it('averages a region of a plane to the plane at its centre', async () => {
    const x: Operand = ['f32', [1, 1, 8, 8], [...indices([8, 8])].map(([i, j]) => i + 10 * j)];
    const [y] = await runNode({
      op: 'RoiAlign',
      inputs: [x, ['f32', [1, 4], [1, 2, 5, 6]], ['i64', [1], [0n]]],
      attrs: { output_height: attr.int(2), output_width: attr.int(1) },
    });
    // Half-pixel regions: rows 1.5 to 5.5 in two bins, columns 0.5 to 4.5 in one.
    expectClose(y, [1, 1, 2, 1], [2.5 + 25, 4.5 + 25]);
  });

  it('is a convolution when no tap is moved', async () => {
    const [x, w] = [random(1, 1, 2, 5, 5), random(2, 3, 2, 3, 3)];
    const offset: Operand = ['f32', [1, 18, 5, 5], new Array<number>(product([18, 5, 5])).fill(0)];
    const attrs = { pads: attr.ints([1, 1, 1, 1]) };
    const [plain] = await runNode({ op: 'Conv', inputs: [x, w], attrs });
    const [deformed] = await runNode({ op: 'DeformConv', inputs: [x, w, offset], attrs });
    expectClose(deformed, plain.shape, plain.values);
  });
});

describe('sizes that only a hostile model asks for', () => {
  it('leaves a window of millions of constant taps to the program', async () => {
    const started = performance.now();
    const graph = {
      inputs: [{ name: 'x' }],
      outputs: [{ name: 'y' }],
      nodes: [
        {
          op: 'AveragePool',
          inputs: ['k'],
          outputs: ['p'],
          attrs: {
            kernel_shape: attr.ints([2 ** 23]),
            pads: attr.ints([2 ** 23 - 1, 2 ** 23 - 1]),
            strides: attr.ints([2 ** 21]),
          },
        },
        { op: 'Shape', inputs: ['p'], outputs: ['s'] },
        { op: 'Reshape', inputs: ['x', 's'], outputs: ['y'] },
      ],
      initializers: [['k', tensorOf('f32', [1, 1, 8], new Array<number>(8).fill(1))]] as [string, TensorData][],
    };
    const [y] = await runGraph(graph, [random(1, 5)]);
    expect(y.shape).toEqual([1, 1, 5]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  const refused: readonly (readonly [string, NodeCase])[] = [
    [
      'taps of a window',
      {
        op: 'MaxPool',
        inputs: [row],
        attrs: { kernel_shape: attr.ints([2 ** 26]), pads: attr.ints([2 ** 25, 2 ** 26 - 1]) },
      },
    ],
    [
      'positions of a window',
      { op: 'Conv', inputs: [row, random(1, 1, 1, 1)], attrs: { pads: attr.ints([2 ** 31 - 1, 0]) } },
    ],
    ['a table of coordinates', { op: 'Resize', inputs: [row, null, ['f32', [3], [1, 1, 2 ** 25]]], known: [2] }],
    [
      'a table of angles',
      {
        op: 'DFT',
        inputs: [
          ['f32', [1, 2, 1], [1, 2]],
          ['i64', [], [2n ** 31n]],
        ],
        known: [1],
      },
    ],
  ];
  for (const [what, c] of refused) {
    it(`refuses too many ${what}`, async () => {
      await expect(runNode(c)).rejects.toThrow(/LIMIT_EXCEEDED/);
    });
  }
});
