// Dot products in C: with the CPU's instructions and with the formula that stands in for them, for every count of
// lanes; and that the main loop of a product of bytes is made of those instructions, without spills.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { bitcast, DOTS, dot, type Expr, index, load, makeExpr, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { bitcastMeaning, dotScalar } from '../../src/3-tile/semantics.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { compileFlags, cpuFeatures, findToolchain } from '../../src/6-runtime/toolchain.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { deviceFor } from './emulated.ts';
import { call, kernel, noCompiler, privateDirectory, programOf, runOnce } from './harness.ts';

const missing = noCompiler();
const COUNT = 64;

/** Words of all kinds of parts, the extreme ones among them. */
function words(seed: number): number[] {
  const next = mulberry32(seed);
  const extremes = [0, -1, 0x7fff7fff, 0x80008000 | 0, 0x7f7f7f7f, 0x80808080 | 0];
  return Array.from({ length: COUNT }, (_, i) =>
    i < 36 ? extremes[((seed ? i : i / 6) % 6) | 0] : (next() * 2 ** 32) | 0,
  );
}

/** Both halves as bf16 from 2^-63 to 2: nothing is subnormal. */
const tame = (word: number): number => (word & 0x9fff9fff) | 0x20002000;

describe.skipIf(missing !== null)('dot products', () => {
  const plain = new Set([...cpuFeatures()].filter((f) => !f.startsWith('avx') && !f.startsWith('sse4')));
  const avx2 = new Set([...cpuFeatures()].filter((f) => !f.startsWith('avx512')));
  const avx512 = new Set([...cpuFeatures()].filter((f) => f !== 'avx512_vnni'));

  it.each([
    ['all', cpuFeatures()],
    ['no vnni', avx512],
    ['avx2', avx2],
    ['plain', plain],
  ] as const)('mean the sum of products, features: %s', async (_, features) => {
    const forms = [2, 4, 'bf16'] as const;
    const feeds = [...[0, 1, 2].map(words), ...[0, 1, 2].map((k) => words(k).map(tame))];
    const ins = feeds.map(() => newTensor('in', 'i32', [COUNT], 'input'));
    const cases = forms.flatMap((form) =>
      [1, 4, 8, 16].map((lanes) => ({ form, lanes, from: form === 'bf16' ? 3 : 0 })),
    );
    const outs = cases.map(({ form }) => newTensor('out', DOTS[form].sum, [COUNT], 'output'));
    const body = cases.flatMap(({ form, lanes, from }, k) =>
      Array.from({ length: COUNT / lanes }, (_, i) => {
        const at = index(i * lanes);
        const [a, b, c] = ins.slice(from).map((t): Expr => makeExpr('load', 'i32', [at], t, lanes));
        const value = dot(form, a, b, bitcast(DOTS[form].sum, c));
        return { kind: 'store' as const, tensor: outs[k], at: [at], value };
      }),
    );
    const program = programOf([call(kernel([...ins, ...outs], body))], ins, outs);
    const got = await runOnce(
      program,
      feeds.map((f) => tensorOf('i32', [COUNT], f)),
      { features },
    );
    for (const [k, { form, from }] of cases.entries()) {
      const [a, b, c] = feeds.slice(from);
      const start = c.map((x) => bitcastMeaning('i32', DOTS[form].sum)(x) as number);
      const want = a.map((x, i) => dotScalar(form, x, b[i], start[i]));
      const values = tensorValues(got[k]) as number[];
      if (form !== 'bf16') expect(values).toEqual(want);
      // In the other order of the two products, each of less than 4, roundings differ.
      else for (const [i, x] of values.entries()) expect(Math.abs(x - want[i])).toBeLessThanOrEqual(32 * 2 ** -23);
    }
  });
});

const hasVnni = missing === null && cpuFeatures().has('avx512_vnni') && findToolchain().kind === 'gcc';
const home = hasVnni ? privateDirectory() : null;
afterAll(() => home?.remove());

describe.skipIf(!hasVnni)('the product of two matrices, where gcc compiles for what multiplies words', () => {
  it.each([
    ['u8', 'i8', 'i32', 'x86-avx512-vnni', 'vpdpbusd'],
    ['bf16', 'bf16', 'f32', 'x86-zen4', 'vdpbf16ps'],
  ] as const)('of %s and %s has a main loop without spills: %s, %s, %s', async (left, right, total, device, name) => {
    const n = 512;
    const b = new TileBuilder();
    const weights = Array.from({ length: n * n }, (_, i) => (i % 255) - 127);
    const [x, w] = [newTensor('x', left, [n, n], 'input'), b.constant(tensorOf(right, [n, n], weights))];
    const element = ([i, j]: readonly Expr[], [k]: readonly Expr[]): Expr => mul(load(x, [i, k]), load(w, [k, j]));
    const y = b.reduce(total, [n, n], [n], sum(total), element);
    y.role = 'output';
    const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
    const tasks = schedule(program, { device: deviceFor(device), lower: lowering });
    const features = new Set([...cpuFeatures(), 'avx512_bf16']);
    const { bytes } = await cTarget.emit(tasks, { features });
    const [source, assembly] = ['k.c', 'k.s'].map((f) => join(home!.path, f));
    writeFileSync(source, bytes);
    const cc = findToolchain();
    execFileSync(cc.path, [...compileFlags(cc, features), '-S', source, '-o', assembly]);
    const text = readFileSync(assembly, 'utf8');
    const blocks = text.split(/^\.L\d+:$/m).map((block) => block.split(/^\tj\w+\t.*$/m)[0]);
    const count = (block: string, what: RegExp): number => [...block.matchAll(what)].length;
    const dots = (block: string): number => count(block, new RegExp(name, 'g'));
    const main = blocks.reduce((a, c) => (dots(c) > dots(a) ? c : a));
    expect(dots(main)).toBeGreaterThanOrEqual(16);
    expect(dots(main)).toBeGreaterThan(0.5 * count(main, /^\t\w/gm));
    expect(main).not.toMatch(/\(%r[sb]p\)/);
  });
});

it.skipIf(hasVnni)(`the code for VNNI is not looked at: ${missing ?? 'no VNNI here, or no gcc'}`, () => {});
