// Large windows are folded along one axis after the other: the same largest elements as all at once, also with strides,
// dilations, borders, windows that reach beyond them, and elements that are no numbers.
import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { ModelBuilder } from '../../src/web/build.ts';
import { run } from '../schedule/running.ts';

const [HEIGHT, WIDTH] = [11, 13];

interface Pool {
  readonly kernel_shape: readonly number[];
  readonly strides?: readonly number[];
  readonly pads?: readonly number[];
  readonly dilations?: readonly number[];
  readonly ceil_mode?: number;
}

const POOLS: Readonly<Record<string, Pool>> = {
  'of 5 by 5 with a border': { kernel_shape: [5, 5], pads: [2, 2, 2, 2] },
  'with strides and a border on one side': { kernel_shape: [7, 3], strides: [2, 3], pads: [3, 0, 0, 2] },
  'with dilations': { kernel_shape: [4, 4], dilations: [2, 3], pads: [1, 2, 3, 0] },
  'with a last window that reaches out': { kernel_shape: [4, 5], strides: [3, 4], ceil_mode: 1 },
};

/** The largest element of each window, or NaN, by the definition. */
function largest(data: readonly number[], p: Pool, height: number, width: number): number[] {
  const { kernel_shape: k, strides: s = [1, 1], pads = [0, 0], dilations: d = [1, 1] } = p;
  return Array.from({ length: height * width }, (_, i) => {
    const [oy, ox] = [Math.floor(i / width), i % width];
    const taps = Array.from({ length: k[0] * k[1] }, (_t, j) => {
      const y = oy * s[0] - pads[0] + Math.floor(j / k[1]) * d[0];
      const x = ox * s[1] - pads[1] + (j % k[1]) * d[1];
      return y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH ? data[y * WIDTH + x] : Number.NEGATIVE_INFINITY;
    });
    return Math.max(...taps);
  });
}

describe('large pools', () => {
  it.each(Object.entries(POOLS))('%s', async (_, pool) => {
    const next = mulberry32(3);
    const data = Array.from({ length: HEIGHT * WIDTH }, () => Math.fround(next() - 0.5));
    data[70] = Number.NaN;
    const m = new ModelBuilder();
    m.output(m.node('MaxPool', [m.input('x', 'float32', [1, 1, HEIGHT, WIDTH])], { ...pool }));
    const { values, dims } = await run('wasm', m, [tensorOf('f32', [1, 1, HEIGHT, WIDTH], data)]);
    expect(values).toEqual(largest(data, pool, dims[2], dims[3]));
  });
});
