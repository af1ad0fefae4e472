// Dot products in C: with the CPU's instructions and with the formula that stands in for them, for every count of
// lanes; and that the main loop of a product of bytes is made of those instructions, without spills.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { dot, type Expr, index, load, makeExpr, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { dotScalar } from '../../src/3-tile/semantics.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { compileFlags, cpuFeatures, findToolchain } from '../../src/6-runtime/toolchain.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { mulberry32 } from '../../src/support/random.ts';
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
    const ins = ['a', 'b', 'c'].map((n) => newTensor(n, 'i32', [COUNT], 'input'));
    const cases = ([2, 4] as const).flatMap((parts) => [1, 4, 8, 16].map((lanes) => ({ parts, lanes })));
    const outs = cases.map(() => newTensor('out', 'i32', [COUNT], 'output'));
    const body = cases.flatMap(({ parts, lanes }, k) =>
      Array.from({ length: COUNT / lanes }, (_, i) => {
        const at = index(i * lanes);
        const [a, b, c] = ins.map((t): Expr => makeExpr('load', 'i32', [at], t, lanes));
        return { kind: 'store' as const, tensor: outs[k], at: [at], value: dot(parts, a, b, c) };
      }),
    );
    const feeds = [words(0), words(1), words(2)];
    const program = programOf([call(kernel([...ins, ...outs], body))], ins, outs);
    const got = await runOnce(
      program,
      feeds.map((f) => tensorOf('i32', [COUNT], f)),
      { features },
    );
    for (const [k, { parts }] of cases.entries()) {
      const want = feeds[0].map((a, i) => dotScalar(parts, a, feeds[1][i], feeds[2][i]));
      expect(tensorValues(got[k])).toEqual(want);
    }
  });
});

const hasVnni = missing === null && cpuFeatures().has('avx512_vnni') && findToolchain().kind === 'gcc';
const home = hasVnni ? privateDirectory() : null;
afterAll(() => home?.remove());

describe.skipIf(!hasVnni)('the product of two matrices of bytes, where gcc compiles for VNNI', () => {
  it('has a main loop of vpdpbusd without spills', async () => {
    const n = 512;
    const b = new TileBuilder();
    const [x, w] = [
      newTensor('x', 'u8', [n, n], 'input'),
      b.constant(
        tensorOf(
          'i8',
          [n, n],
          Array.from({ length: n * n }, (_, i) => (i % 255) - 127),
        ),
      ),
    ];
    const element = ([i, j]: readonly Expr[], [k]: readonly Expr[]): Expr => mul(load(x, [i, k]), load(w, [k, j]));
    const y = b.reduce('i32', [n, n], [n], sum('i32'), element);
    y.role = 'output';
    const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
    const tasks = schedule(program, { device: namedDevice('x86-avx512-vnni')!, lower: lowering });
    const { bytes } = await cTarget.emit(tasks, { features: cpuFeatures() });
    const [source, assembly] = ['k.c', 'k.s'].map((f) => join(home!.path, f));
    writeFileSync(source, bytes);
    const cc = findToolchain();
    execFileSync(cc.path, [...compileFlags(cc, cpuFeatures()), '-S', source, '-o', assembly]);
    const text = readFileSync(assembly, 'utf8');
    const blocks = text.split(/^\.L\d+:$/m).map((block) => block.split(/^\tj\w+\t.*$/m)[0]);
    const count = (block: string, what: RegExp): number => [...block.matchAll(what)].length;
    const main = blocks.reduce((a, c) => (count(c, /vpdpbusd/g) > count(a, /vpdpbusd/g) ? c : a));
    expect(count(main, /vpdpbusd/g)).toBeGreaterThanOrEqual(16);
    expect(count(main, /vpdpbusd/g)).toBeGreaterThan(0.5 * count(main, /^\t\w/gm));
    expect(main).not.toMatch(/\(%r[sb]p\)/);
  });
});

it.skipIf(hasVnni)(`the code for VNNI is not looked at: ${missing ?? 'no VNNI here, or no gcc'}`, () => {});
