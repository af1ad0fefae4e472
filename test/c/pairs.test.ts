// Products of bf16 in pairs: which models get them, in matrix registers and in vectors; that results are the interpreter's
// where sums are exact, and within what sums of f32 in any order differ by where they are not; subnormals; and that other
// devices compute as before.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { load, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import { emptyTensor, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';
import { mulberry32 } from '../../src/support/random.ts';
import type { NodeSpec } from '../../src/web/write.ts';
import { attr } from '../ops/a-support.ts';
import { deviceFor, EMULATION, matrices, run, type Tensors } from './emulated.ts';
import { noCompiler } from './harness.ts';

const missing = noCompiler();
const DEVICES = ['x86-avx512-amx', 'x86-zen4'] as const;
const next = mulberry32(25);

const filled = (of: () => number, ...shape: number[]): TensorData =>
  tensorOf('bf16', shape, Array.from({ length: shape.reduce((p, d) => p * d, 1) }, of));
/** Sums of few of them are exact in any order. */
const whole = (...shape: number[]): TensorData => filled(() => Math.floor(7 * next()) - 3, ...shape);
const real = (...shape: number[]): TensorData => filled(() => 2 * next() - 1, ...shape);

/** The model on emulated registers for the device, beside the interpreter; CHECK=3 interprets what is scheduled too. */
async function both(
  nodes: readonly NodeSpec[],
  feeds: Tensors,
  constants: Tensors,
  device: string,
  last = nodes.length,
) {
  const emulated = matrices(EMULATION, device, 3);
  const got = await run(nodes, feeds, constants, emulated.backend, last);
  const want = await run(nodes, feeds, constants, interpreterBackend(silent), last);
  return { ...emulated, got: got as number[][], want: want as number[][], text: emulated.kernels.join('\n') };
}

const product = (): NodeSpec[] => [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }];
const conv = (x: string, w: string, y: string, ints: Record<string, number[]> = {}): NodeSpec => {
  const attrs = Object.fromEntries(Object.entries(ints).map(([n, v]) => [n, attr.ints(v)]));
  return { op: 'Conv', inputs: [x, w], outputs: [y], attrs };
};

describe.skipIf(missing !== null)('products of bf16 in matrix registers', () => {
  it.each([
    [64, 64, 32, [[32, 32, 16]]],
    [8, 16, 64, [[8, 16, 16]]],
    [49, 48, 64, [[25, 16, 16]]],
    [33, 20, 40, [[17, 20, 10]]],
    // Words 3 at a time (101 elements are 51), few rows, and what fills little of the registers, are computed in f32.
    [50, 24, 101, []],
    [7, 64, 64, []],
    [16, 7, 37, []],
    [64, 64, 2 * 17, []],
  ])('of %i × %i over %i have tiles %j', async (m, n, k, tiles) => {
    for (const constants of [{ b: whole(k, n) }, {}]) {
      const { b = whole(k, n) } = constants as Tensors;
      const feeds = { a: whole(m, k), ...('b' in constants ? {} : { b }) };
      const { contractions, got, want, text } = await both(product(), feeds, constants, 'x86-avx512-amx');
      expect(got).toEqual(want);
      expect(contractions.map(({ rows, columns, depth }) => [rows, columns, depth])).toEqual(tiles);
      expect(text.includes('multiply bf16 ')).toBe(tiles.length > 0);
    }
  });
});

describe.skipIf(missing !== null).each(DEVICES)('models in bf16 for %s', (device) => {
  const amx = device === 'x86-avx512-amx';

  it('compute convolutions and what is between them in pairs, stored as they are', async () => {
    const nodes = [
      conv('x', 'w0', 'c0', { pads: [1, 1, 1, 1], strides: [2, 2] }),
      { op: 'Relu', inputs: ['c0'], outputs: ['r0'] },
      conv('r0', 'w1', 'c1', { pads: [1, 1, 1, 1] }),
      { op: 'Add', inputs: ['c1', 'r0'], outputs: ['s'] },
      conv('s', 'w2', 'c2'),
    ];
    const constants = { w0: whole(32, 3, 3, 3), w1: whole(32, 32, 3, 3), w2: whole(24, 32, 1, 1) };
    const { contractions, got, want, text } = await both(nodes, { x: whole(1, 3, 20, 20) }, constants, device, 1);
    expect(got).toEqual(want);
    if (amx) expect(contractions.map(({ depth }) => depth)).toEqual([16, 16]);
    else expect(text).toContain('dot.bf16');
    // What the first convolution reads is wide on AMX: its three channels fill little of a register.
    const wide = amx ? /= (temp|constant) f32\[(?!1024\]|1323\]|864\])/ : /= (temp|constant) f32\[(?!1024\])/;
    expect(text).not.toMatch(wide);
  });

  it('turn operands that do not lie as matrix registers want them', async () => {
    const nodes = [
      { op: 'Transpose', inputs: ['k'], outputs: ['t'], attrs: { perm: attr.ints([0, 2, 1]) } },
      { op: 'MatMul', inputs: ['q', 't'], outputs: ['scores'] },
      { op: 'MatMul', inputs: ['w', 'x'], outputs: ['left'] },
    ];
    const feeds = { q: whole(2, 40, 32), k: whole(2, 48, 32), x: whole(64, 40) };
    const { contractions, got, want } = await both(nodes, feeds, { w: whole(32, 64) }, device);
    expect(got).toEqual(want);
    expect(contractions.length).toBe(amx ? 2 : 0);
  });

  it('compute transposed operands, biases and batches', async () => {
    const gemm = { op: 'Gemm', inputs: ['x', 'w', 'bias'], outputs: ['g'], attrs: { transB: attr.int(1) } };
    const nodes = [gemm, { op: 'MatMul', inputs: ['p', 'q'], outputs: ['m'] }];
    const feeds = { x: whole(24, 64), p: whole(2, 3, 20, 32), q: whole(2, 3, 32, 36) };
    const { got, want, text } = await both(nodes, feeds, { w: whole(40, 64), bias: whole(40) }, device);
    expect(got).toEqual(want);
    expect(text.match(amx ? /multiply bf16/g : /dot\.bf16/g)?.length).toBeGreaterThanOrEqual(2);
  });

  it('differ from exact sums by no more than sums of f32 in any order, and one rounding', async () => {
    const [m, n, k] = [40, 48, 640];
    const [a, b] = [real(m, k), real(k, n)];
    const { got, text } = await both(product(), { a }, { b }, device);
    expect(text).toContain(amx ? 'multiply bf16' : 'dot.bf16');
    within(got[0], a, b, [m, n, k]);
  });

  it('may take subnormals for zero, and nothing else', async () => {
    const [m, n, k] = [16, 16, 32];
    const tiny = (): number => (next() < 0.5 ? 2 ** -130 : 2 ** -100) * (2 * next() - 1);
    const [a, b] = [filled(tiny, m, k), real(k, n)];
    within((await both(product(), { a }, { b }, device)).got[0], a, b, [m, n, k]);
  });
});

/** Every element of the product a·b is within the bound of docs/decisions/0025-pairs-of-bf16.md, and rounded to bf16. */
function within(got: readonly number[], a: TensorData, b: TensorData, [m, n, k]: readonly number[]): void {
  const [x, y] = [a, b].map((t) => tensorValues(t) as number[]);
  const gamma = ((k + 1) * 2 ** -24) / (1 - (k + 1) * 2 ** -24);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let [exact, size, flushed] = [0, 0, 0];
      for (let p = 0; p < k; p++) {
        const [l, r] = [x[i * k + p], y[p * n + j]];
        exact += l * r;
        size += Math.abs(l * r);
        flushed += 2 ** -126 * (2 + Math.abs(l) + Math.abs(r));
      }
      const bound = gamma * size + flushed;
      expect(Math.abs(got[i * n + j] - exact)).toBeLessThanOrEqual(bound + 2 ** -8 * (Math.abs(exact) + bound));
    }
  }
}

describe('what is not multiplied in pairs', () => {
  const texts = (device: string, shapes: readonly [number, number, number], types: readonly ('bf16' | 'f32')[]) => {
    const [m, n, k] = shapes;
    const b = new TileBuilder();
    const x = newTensor('x', types[0], [m, k], 'input');
    const w = b.constant(emptyTensor(types[1], [k, n]));
    const y = b.reduce('f32', [m, n], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
    y.role = 'output';
    const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
    return JSON.stringify(schedule(program, { device: deviceFor(device), lower: lowering }).kernels);
  };
  const shape = [64, 64, 64] as const;

  it('is what is not bf16 on both sides, or on devices without the instructions', () => {
    expect(texts('x86-zen4', shape, ['bf16', 'bf16'])).toContain('"arg":"bf16"');
    expect(texts('x86-avx512-amx', shape, ['bf16', 'bf16'])).toContain('"form":"bf16"');
    for (const device of DEVICES) {
      for (const types of [
        ['f32', 'bf16'],
        ['bf16', 'f32'],
        ['f32', 'f32'],
      ] as const) {
        expect(texts(device, shape, types)).not.toMatch(/"(arg|form)":"bf16"/);
      }
    }
    for (const device of ['x86-avx512-vnni', 'x86-avx2', 'wasm-simd128', 'scalar']) {
      expect(texts(device, shape, ['bf16', 'bf16'])).not.toMatch(/"(arg|form)":"bf16"/);
    }
  });

  it('is what matrix registers would compute slower than vectors of f32', () => {
    for (const few of [
      [7, 64, 64],
      [64, 64, 34],
      [8, 1, 64],
    ] as const) {
      expect(texts('x86-avx512-amx', few, ['bf16', 'bf16'])).not.toMatch(/"(arg|form)":"bf16"/);
    }
  });
});
