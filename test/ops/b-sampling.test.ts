// Resizing, sampling, Fourier transforms and normalisations against their definitions.
import { describe, expect, it } from 'vitest';
import type { AttrSpec } from '../../src/web/write.ts';
import { attr, type NodeCase, type Operand, runNode, scalar } from './a-support.ts';
import { at, expectClose, indices, random } from './b-support.ts';

const ramp: Operand = ['f32', [1, 1, 4], [0, 1, 2, 3]];
const plane: Operand = ['f32', [1, 1, 3, 4], [...indices([3, 4])].map(([i, j]) => 10 * i + j)];
const resize = (
  x: Operand,
  scales: number[] | null,
  sizes: number[] | null,
  attrs: Record<string, AttrSpec>,
): NodeCase => ({
  op: 'Resize',
  attrs,
  known: scales ? [2] : [3],
  inputs: scales
    ? [x, null, ['f32', [scales.length], scales]]
    : [x, null, null, ['i64', [sizes!.length], sizes!.map(BigInt)]],
});
const mode = (name: string, transform: string): Record<string, AttrSpec> => ({
  mode: attr.string(name),
  coordinate_transformation_mode: attr.string(transform),
});

const RESIZES: readonly (readonly [string, NodeCase, readonly number[], readonly number[]])[] = [
  [
    'doubles by repeating',
    resize(ramp, [1, 1, 2], null, mode('nearest', 'asymmetric')),
    [1, 1, 8],
    [0, 0, 1, 1, 2, 2, 3, 3],
  ],
  [
    'doubles with halves rounded up',
    resize(ramp, [1, 1, 2], null, { ...mode('nearest', 'asymmetric'), nearest_mode: attr.string('round_prefer_ceil') }),
    [1, 1, 8],
    [0, 1, 1, 2, 2, 3, 3, 3],
  ],
  [
    'interpolates between corners',
    resize(ramp, null, [1, 1, 7], mode('linear', 'align_corners')),
    [1, 1, 7],
    [0, 0.5, 1, 1.5, 2, 2.5, 3],
  ],
  [
    'reproduces a plane inside',
    resize(plane, null, [1, 1, 3, 2], mode('linear', 'half_pixel')),
    [1, 1, 3, 2],
    [0.5, 2.5, 10.5, 12.5, 20.5, 22.5],
  ],
  [
    'averages with an antialias filter',
    resize(ramp, null, [1, 1, 2], { ...mode('linear', 'half_pixel'), antialias: attr.int(1) }),
    [1, 1, 2],
    [5 / 8, 19 / 8],
  ],
  [
    'keeps the aspect ratio',
    resize(plane, null, [6, 6], {
      ...mode('nearest', 'asymmetric'),
      axes: attr.ints([2, 3]),
      keep_aspect_ratio_policy: attr.string('not_larger'),
    }),
    [1, 1, 5, 6],
    [0, 1, 1, 2, 3, 3, 10, 11, 11, 12, 13, 13, 10, 11, 11, 12, 13, 13, 20, 21, 21, 22, 23, 23, 20, 21, 21, 22, 23, 23],
  ],
];

describe('Resize', () => {
  for (const [name, c, shape, want] of RESIZES) {
    it(name, async () => {
      const [y] = await runNode(c);
      expectClose(y, shape, want);
    });
  }

  it('extrapolates outside of a region', async () => {
    const [y] = await runNode({
      op: 'Resize',
      known: [1, 3],
      inputs: [ramp, ['f32', [6], [0, 0, 0.5, 1, 1, 1.5]], null, ['i64', [3], [1n, 1n, 4n]]],
      attrs: { ...mode('linear', 'tf_crop_and_resize'), extrapolation_value: attr.float(9) },
    });
    expectClose(y, [1, 1, 4], [1.5, 2.5, 9, 9]);
  });

  it('refuses both scales and sizes', async () => {
    const run = runNode({
      op: 'Resize',
      inputs: [ramp, null, ['f32', [3], [1, 1, 2]], ['i64', [3], [1n, 1n, 8n]]],
      known: [2, 3],
    });
    await expect(run).rejects.toThrow(/exactly one of scales and sizes/);
  });
});

const SAMPLES: readonly (readonly [string, Record<string, AttrSpec>, number[], readonly number[]])[] = [
  ['zeros outside', {}, [-1, 0, 0, 2], [0.5, 1.5, 0]],
  ['the border', { padding_mode: attr.string('border') }, [-1, 0, 0, 2], [1, 1.5, 2]],
  ['a mirror at pixel edges', { padding_mode: attr.string('reflection') }, [-1.5, 0, 0, 2], [1, 1.5, 1.5]],
  [
    'a mirror at pixel centres',
    { padding_mode: attr.string('reflection'), align_corners: attr.int(1) },
    [-2, 0, 0, 3],
    [1.5, 1.5, 1],
  ],
  ['the nearest, halves to even', { mode: attr.string('nearest') }, [-0.9, 0, 0, 0.9], [1, 1, 2]],
];

describe('GridSample', () => {
  for (const [name, attrs, [left, , middle, right], want] of SAMPLES) {
    it(`reads ${name}`, async () => {
      const x: Operand = ['f32', [1, 1, 1, 2], [1, 2]];
      const grid: Operand = ['f32', [1, 1, 3, 2], [left, 0, middle, 0, right, 0]];
      const [y] = await runNode({ op: 'GridSample', inputs: [x, grid], attrs });
      expectClose(y, [1, 1, 1, 3], want);
    });
  }

  it('is the identity on the grid of an identity transform', async () => {
    for (const kind of ['linear', 'cubic', 'nearest']) {
      const x = random(5, 1, 2, 3, 4, 2);
      const theta: Operand = ['f32', [1, 3, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]];
      const [grid] = await runNode({
        op: 'AffineGrid',
        inputs: [theta, ['i64', [5], [1n, 2n, 3n, 4n, 2n]]],
        known: [1],
      });
      const [y] = await runNode({
        op: 'GridSample',
        inputs: [x, [grid.dtype, grid.shape, grid.values]],
        attrs: { mode: attr.string(kind), padding_mode: attr.string('border') },
      });
      expectClose(y, [1, 2, 3, 4, 2], x[2], 1e-4);
    }
  });
});

describe('Fourier transforms', () => {
  for (const n of [1, 5, 6]) {
    it(`recovers ${n} real samples from half a spectrum`, async () => {
      const x = random(n, 2, n, 1);
      const [half] = await runNode({ op: 'DFT', inputs: [x], attrs: { onesided: attr.int(1) } });
      expect(half.shape).toEqual([2, Math.floor(n / 2) + 1, 2]);
      const [back] = await runNode({
        op: 'DFT',
        inputs: [['f32', half.shape, half.values], scalar('i64', BigInt(n))],
        known: [1],
        attrs: { onesided: attr.int(1), inverse: attr.int(1) },
      });
      expectClose(back, [2, n, 1], x[2]);
    });
  }

  it('pads a short signal and follows the axis', async () => {
    const x: Operand = ['f32', [2, 1, 2], [1, 0, 0, 1]];
    const [y] = await runNode({ op: 'DFT', inputs: [x, scalar('i64', 4n), scalar('i64', 0n)], known: [1, 2] });
    // 1 + i w^k for w = -i.
    expectClose(y, [4, 1, 2], [1, 1, 2, 0, 1, -1, 0, 0]);
  });

  it('transforms windowed frames', async () => {
    const x = random(1, 1, 8, 1);
    const window = random(2, 4);
    const [y] = await runNode({ op: 'STFT', inputs: [x, scalar('i64', 2n), window], known: [1] });
    const want = [...indices([3, 3])].flatMap(([f, k]) => {
      const part = (wave: (a: number) => number): number =>
        [0, 1, 2, 3].reduce(
          (s, m) => s + at(x, [0, 2 * f + m, 0]) * at(window, [m]) * wave((-2 * Math.PI * k * m) / 4),
          0,
        );
      return [part(Math.cos), part(Math.sin)];
    });
    expectClose(y, [1, 3, 3, 2], want);
  });
});

describe('normalisations', () => {
  const x = random(7, 2, 4, 3);
  const moments = (values: readonly number[]): [number, number] => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length];
  };
  const pick = (keep: (ix: readonly number[]) => boolean): number[] =>
    [...indices(x[1])].filter(keep).map((ix) => at(x, ix));

  it('LayerNormalization gives mean and inverse deviation too', async () => {
    const scale = random(8, 4, 1);
    const [y, mean, inverse] = await runNode({
      op: 'LayerNormalization',
      inputs: [x, scale],
      attrs: { axis: attr.int(1) },
      outputs: 3,
    });
    const rows = [0, 1].map((n) => moments(pick(([i]) => i === n)));
    expectClose(
      mean,
      [2, 1, 1],
      rows.map(([m]) => m),
    );
    expectClose(
      inverse,
      [2, 1, 1],
      rows.map(([, s]) => 1 / Math.sqrt(s + 1e-5)),
    );
    expectClose(
      y,
      [2, 4, 3],
      [...indices(x[1])].map(
        ([n, c, j]) => ((at(x, [n, c, j]) - rows[n][0]) / Math.sqrt(rows[n][1] + 1e-5)) * at(scale, [c, 0]),
      ),
    );
  });

  it('GroupNormalization normalises groups and scales channels', async () => {
    const [scale, shift] = [random(8, 4), random(9, 4)];
    const [y] = await runNode({
      op: 'GroupNormalization',
      inputs: [x, scale, shift],
      attrs: { num_groups: attr.int(2) },
    });
    const want = [...indices(x[1])].map(([n, c, j]) => {
      const [mean, variance] = moments(pick(([i, k]) => i === n && k >> 1 === c >> 1));
      return ((at(x, [n, c, j]) - mean) / Math.sqrt(variance + 1e-5)) * at(scale, [c]) + at(shift, [c]);
    });
    expectClose(y, [2, 4, 3], want);
  });

  it('BatchNormalization in training mode uses and tracks the batch', async () => {
    const [scale, shift, mean, variance] = [random(1, 4), random(2, 4), random(3, 4), random(4, 4)];
    const [y, tracked, spread] = await runNode({
      op: 'BatchNormalization',
      inputs: [x, scale, shift, mean, variance],
      outputs: 3,
      attrs: { training_mode: attr.int(1), momentum: attr.float(0.75) },
    });
    const batch = [0, 1, 2, 3].map((c) => moments(pick(([, k]) => k === c)));
    expectClose(
      tracked,
      [4],
      batch.map(([m], c) => 0.75 * at(mean, [c]) + 0.25 * m),
    );
    expectClose(
      spread,
      [4],
      batch.map(([, s], c) => 0.75 * at(variance, [c]) + 0.25 * s),
    );
    expectClose(
      y,
      [2, 4, 3],
      [...indices(x[1])].map(
        ([n, c, j]) =>
          ((at(x, [n, c, j]) - batch[c][0]) / Math.sqrt(batch[c][1] + 1e-5)) * at(scale, [c]) + at(shift, [c]),
      ),
    );
  });

  it('LRN sums the squares of neighbouring channels', async () => {
    const [y] = await runNode({
      op: 'LRN',
      inputs: [x],
      attrs: { size: attr.int(2), alpha: attr.float(0.5), beta: attr.float(1), bias: attr.float(2) },
    });
    const want = [...indices(x[1])].map(([n, c, j]) => {
      const near = [c, c + 1]
        .filter((k) => k < 4)
        .map((k) => at(x, [n, k, j]) ** 2)
        .reduce((a, b) => a + b);
      return at(x, [n, c, j]) / (2 + 0.25 * near);
    });
    expectClose(y, [2, 4, 3], want);
  });
});
