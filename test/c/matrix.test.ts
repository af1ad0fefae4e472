// Matrix registers: which products get them, in what tiles; the text and the legality of contractions; and the C that
// runs them, exact beside plain loops, by emulated registers, by the CPU's where it has them, and refused where not.
import { describe, expect, it } from 'vitest';
import { index, load } from '../../src/3-tile/expr.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { Contraction, Product, Stmt } from '../../src/3-tile/tile-op.ts';
import { kernelProblems } from '../../src/3-tile/verify.ts';
import { MATRIX_FEATURES } from '../../src/5-codegen/targets/c/matrix.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { silent } from '../../src/observe.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { parseKernel } from '../../src/web/text/parse.ts';
import { printKernel } from '../../src/web/text/print.ts';
import type { NodeSpec } from '../../src/web/write.ts';
import { interpretKernel } from '../kernels.ts';
import { attr } from '../ops/a-support.ts';
import { EMULATION, matrices, run, type Tensors, usable } from './emulated.ts';
import { kernel, noCompiler } from './harness.ts';

const missing = noCompiler();
const hasRegisters = MATRIX_FEATURES.every((f) => usable.has(f));

const next = mulberry32(7);
const below = (n: number): number => Math.floor(next() * n);
function bytes(dtype: 'u8' | 'i8', ...shape: number[]): TensorData {
  const lowest = dtype === 'u8' ? 0 : -128;
  return tensorOf(
    dtype,
    shape,
    Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => lowest + below(256)),
  );
}

/** Integer products of these shapes in one model, beside the interpreter. */
async function compare(nodes: readonly NodeSpec[], feeds: Tensors, constants: Tensors, flags = EMULATION) {
  const { backend, contractions } = matrices(flags);
  const got = await run(nodes, feeds, constants, backend);
  const want = await run(nodes, feeds, constants, interpreterBackend(silent));
  for (const [i, w] of want.entries()) {
    const at = w.findIndex((v, j) => got[i][j] !== v);
    expect(at, `${nodes[i].op} ${nodes[i].inputs}: element ${at} is ${got[i][at]}, not ${w[at]}`).toBe(-1);
  }
  return contractions;
}

const SIGNS = [
  ['u8', 'i8'],
  ['i8', 'u8'],
  ['u8', 'u8'],
  ['i8', 'i8'],
] as const;

/** One product; `known` operands are constants. */
async function product(a: TensorData, b: TensorData, known: string, flags = EMULATION) {
  const nodes = [{ op: 'MatMulInteger', inputs: ['a', 'b'], outputs: ['y'] }];
  const all = Object.entries({ a, b });
  const split = (constant: boolean): Tensors => Object.fromEntries(all.filter(([n]) => known.includes(n) === constant));
  return compare(nodes, split(false), split(true), flags);
}

describe.skipIf(missing !== null)('products of bytes in matrix registers', () => {
  const sizes = ({ rows, columns, depth }: Contraction): number[] => [rows, columns, depth];

  it.each([
    [64, 64, 128, [[32, 32, 16]]],
    [8, 16, 64, [[8, 16, 16]]],
    [49, 48, 256, [[25, 16, 16]]],
    [33, 20, 40, [[17, 20, 10]]],
    [40, 100, 100, [[20, 16, 5]]],
    [16, 7, 37, [[16, 7, 10]]],
    [100, 24, 1000, [[25, 24, 10]]],
    // Few rows, and depths that no register divides, are dot products of vectors.
    [7, 64, 64, []],
    [64, 64, 4 * 17, []],
  ])('of %i × %i over %i have tiles %j', async (m, n, k, tiles) => {
    for (const known of ['b', '']) {
      const found = await product(bytes('u8', m, k), bytes('i8', k, n), known);
      expect(found.map(sizes)).toEqual(tiles);
    }
  });

  it.each(SIGNS)('are exact for %s by %s, whether or not the columns are constant', async (ta, tb) => {
    for (const known of ['b', '']) {
      expect(await product(bytes(ta, 35, 64), bytes(tb, 64, 40), known)).toHaveLength(1);
    }
  });

  it('are exact in batches, with zero points, scales and clipping behind', async () => {
    const f = (x: number): TensorData => tensorOf('f32', [], [x]);
    const columns = (n: number, dtype: DType, of: (i: number) => number): TensorData =>
      tensorOf(
        dtype,
        [n],
        Array.from({ length: n }, (_, i) => of(i)),
      );
    const q = ['x', 'sx', 'zx', 'w', 'sw', 'zw', 'sy', 'zy'];
    const nodes = [
      { op: 'QLinearMatMul', inputs: q, outputs: ['q'] },
      { op: 'MatMulInteger', inputs: ['x', 'v', 'zx', 'zv'], outputs: ['p'] },
      {
        op: 'QLinearConv',
        inputs: ['image', 'sx', 'zx', 'filter', 'sw', 'zf', 'sy', 'zy', 'bias'],
        outputs: ['c'],
        attrs: { pads: attr.ints([1, 1, 1, 1]) },
      },
    ];
    const feeds = { x: bytes('u8', 3, 30, 72), v: bytes('u8', 3, 72, 45), image: bytes('u8', 1, 32, 12, 20) };
    const constants = {
      ...{ w: bytes('i8', 72, 45), filter: bytes('i8', 45, 32, 3, 3), sx: f(0.02), sy: f(40) },
      ...{ sw: columns(45, 'f32', (i) => 0.5 + i / 50), zw: columns(45, 'i8', (i) => (i % 5) - 2) },
      ...{ zx: tensorOf('u8', [], [131]), zy: tensorOf('u8', [], [120]), zv: tensorOf('u8', [], [9]) },
      ...{ zf: columns(45, 'i8', () => 0), bias: columns(45, 'i32', (i) => 1000 * (i - 20)) },
    };
    expect((await compare(nodes, feeds, constants)).length).toBeGreaterThanOrEqual(3);
  });

  it('is an error that says so where the system refuses the registers', async () => {
    const refused = product(bytes('u8', 16, 64), bytes('i8', 64, 16), 'b', ['-DTILES_GRANTED=0', ...EMULATION]);
    await expect(refused).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE' });
  });

  it('is what the CPU itself computes, or refuses', async () => {
    const found = product(bytes('i8', 100, 500), bytes('u8', 500, 100), '', []);
    if (hasRegisters) expect(await found).toHaveLength(1);
    else await expect(found).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE' });
  });
});

describe('contractions', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => newTensor(name, 'i32', [64], name === 'c' ? 'temp' : 'input'));
  const times = (changes: Partial<Product> = {}): Product => ({
    ...{ kind: 'multiply', form: 'su', left: load(a, [index(1)]), leftStride: 5, right: load(b, [index(2)]) },
    ...{ rightStride: 7, ...changes },
  });
  const sums = (changes: Partial<Contraction> = {}): Contraction => ({
    ...{ kind: 'contract', tensor: c, at: [index(3)], stride: 8, rows: 2, columns: 3, depth: 4 },
    ...{ body: [times(), times({ form: 'us' })], ...changes },
  });
  const problems = (...body: Stmt[]): number => kernelProblems(kernel([a, b, c], body)).length;

  it('read back from their text', () => {
    const text = printKernel(kernel([a, b, c], [sums()]));
    expect(text).toContain('contract 2 3 4 %2[3] step 8');
    expect(printKernel(parseKernel(text))).toBe(text);
  });

  it('sum products of words', () => {
    const words = Array.from({ length: 64 }, () => below(2 ** 32) | 0);
    const from = [a, b, c].map(({ shape }) => tensorOf('i32', shape, words));
    const result = tensorValues(interpretKernel(kernel([a, b, c], [sums()]), from)[2]);
    const byte = (word: number, p: number, signed: boolean): number =>
      signed ? (word << (24 - 8 * p)) >> 24 : (word >>> (8 * p)) & 255;
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3; j++) {
        let sum = 0;
        for (let part = 0; part < 32; part++) {
          const [k, p, su] = [(part >> 3) & 3, part & 3, (part & 4) === 0];
          sum += byte(words[1 + 5 * i + k], p, su) * byte(words[2 + 7 * k + j], p, !su);
        }
        expect(result[3 + 8 * i + j]).toBe(sum);
      }
    }
  });

  it('sum products of pairs of bf16', () => {
    const [x, y, z] = [a, b, newTensor('c', 'f32', [64], 'temp')];
    const halves = Array.from({ length: 128 }, () => below(7) - 3);
    const words = new Int32Array(tensorOf('bf16', [128], halves).bytes.slice().buffer);
    const from = [x, y].map(({ shape }) => tensorOf('i32', shape, [...words]));
    const body = [sums({ tensor: z, body: [times({ form: 'bf16' })] })];
    const text = printKernel(kernel([x, y, z], body));
    expect(printKernel(parseKernel(text))).toBe(text);
    const zeros = tensorOf('f32', [64], []);
    const result = tensorValues(interpretKernel(kernel([x, y, z], body), [...from, zeros])[2]);
    for (let at = 0; at < 6; at++) {
      const [i, j] = [Math.floor(at / 3), at % 3];
      let sum = 0;
      for (let k = 0; k < 8; k++) {
        const [word, p] = [k >> 1, k & 1];
        sum += halves[2 * (1 + 5 * i + word) + p] * halves[2 * (2 + 7 * word + j) + p];
      }
      expect(result[3 + 8 * i + j]).toBe(sum);
    }
    expect(kernelProblems(kernel([x, y, z], [sums({ tensor: z })])).length).toBeGreaterThan(0);
    expect(problems(sums({ body: [times({ form: 'bf16' })] }))).toBeGreaterThan(0);
    expect(problems(sums({ body: [times({ form: 'constructor' })] }))).toBeGreaterThan(0);
  });

  it('are legal over words inside of their tensors, and one at a time', () => {
    expect(problems(sums())).toBe(0);
    expect(problems(times())).toBeGreaterThan(0);
    const illegal: Partial<Contraction>[] = [
      { rows: 0 },
      { rows: 9 },
      { depth: 0 },
      { tensor: newTensor('d', 'i32', [64], 'temp') },
      { body: [sums()] },
      { body: [times({ form: 'uu' })] },
      { body: [times({ leftStride: 60 })] },
      { body: [times({ rightStride: 0 })] },
      { body: [times({ left: index(1) })] },
    ];
    for (const changes of illegal) expect(problems(sums(changes)), JSON.stringify(changes)).toBeGreaterThan(0);
  });
});

it.skipIf(missing === null)(`C is not tested: ${missing}`, () => {});
