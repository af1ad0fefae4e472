// Finding and running the C compiler: choice, refusals, failures, time limit, flags; and the way of a
// program through the compile cache.
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { add, constant, index, load, localExpr, newLocal } from '../../src/3-tile/expr.ts';
import type { TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { CompileCache } from '../../src/6-runtime/cache.ts';
import {
  compileFlags,
  cpuFeatures,
  findToolchain,
  machineFlags,
  runCompiler,
  type Toolchain,
} from '../../src/6-runtime/toolchain.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { build, call, kernel, noCompiler, privateDirectory, programOf } from './harness.ts';

const missing = noCompiler();
let home: { path: string; remove: () => void };
beforeEach(() => {
  home = privateDirectory();
});
afterEach(() => home.remove());

/** An executable script that stands for a compiler. */
function script(name: string, text: string): string {
  const file = join(home.path, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** out = in + c; another c is another program. */
function increment(c: number): TaskProgram {
  const [a, out] = [newTensor('a', 'f32', [8], 'input'), newTensor('o', 'f32', [8], 'output')];
  const i = newLocal('i', 'i32');
  const at = localExpr(i);
  const value = add(load(a, [at]), constant('f32', c));
  const k = kernel(
    [a, out],
    [
      {
        kind: 'for',
        index: i,
        from: index(0),
        to: index(8),
        step: 1,
        body: [{ kind: 'store', tensor: out, at: [at], value }],
      },
    ],
  );
  return programOf([call(k)], [a], [out]);
}

describe.skipIf(process.platform === 'win32')('the C compiler', () => {
  it('is the one named by the environment, else one on the path', () => {
    const mine = script('mycc', 'echo "mycc clang version 99"');
    const found = findToolchain({ TILEWRIGHT_CC: mine, PATH: '/usr/bin' });
    expect(found.kind).toBe('clang');
    expect(found.version).toBe('mycc clang version 99');
    expect(findToolchain({ CC: 'mycc', PATH: home.path }).path).toBe(found.path);
    script('gcc', 'echo "gcc 1"');
    expect(findToolchain({ PATH: home.path }).kind).toBe('gcc');
  });

  it('is reported missing with what to do', () => {
    for (const env of [
      { PATH: home.path },
      { PATH: '' },
      { TILEWRIGHT_CC: '/no/such/cc', PATH: '/usr/bin' },
      { CC: '../cc', PATH: '/usr/bin' },
    ]) {
      expect(() => findToolchain(env)).toThrow(/TARGET_UNAVAILABLE.*(gcc or clang).*wasm/s);
    }
    const broken = script('broken', 'exit 1');
    expect(() => findToolchain({ TILEWRIGHT_CC: broken })).toThrow(/TARGET_UNAVAILABLE/);
  });

  const fake = (text: string): Toolchain => ({
    path: script('cc', text),
    kind: 'gcc',
    version: 'fake',
  });

  it('fails with its first messages, made printable', async () => {
    const cc = fake('printf "u0.c:1: \\033[31merror\\033[0m one\\ntwo\\nthree\\nfour\\n" >&2; exit 3');
    const run = runCompiler(cc, [], home.path);
    await expect(run).rejects.toThrow(
      /TOOLCHAIN: the C compiler ended with status 3: u0.c:1: \\u001b.*one \| two \| three$/,
    );
  });

  it('is killed with its children when the time is up', async () => {
    const mark = join(home.path, 'mark');
    const cc = fake(`(sleep 1; echo late > ${mark}) & wait`);
    const begin = Date.now();
    await expect(runCompiler(cc, [], home.path, { timeoutMs: 200 })).rejects.toThrow(/TOOLCHAIN.*longer than 200 ms/);
    expect(Date.now() - begin).toBeLessThan(900);
    await sleep(1100);
    expect(readdirSync(home.path)).not.toContain('mark');
  });

  it('gets an environment without flags of the user', async () => {
    process.env['CPATH'] = '/evil';
    try {
      await expect(
        runCompiler(fake('echo "CPATH=[$CPATH] LC_ALL=[$LC_ALL]" >&2; exit 1'), [], home.path),
      ).rejects.toThrow(/CPATH=\[\] LC_ALL=\[C\]/);
    } finally {
      delete process.env['CPATH'];
    }
  });
});

describe('flags', () => {
  const v2 = ['cx16', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3'];
  const v3 = [...v2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe'];
  const v4 = [...v3, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'];

  it('follow the CPU features, never the name of the host', () => {
    expect(machineFlags(new Set(['sse2']))).toEqual(['-march=x86-64']);
    expect(machineFlags(new Set(v2))).toEqual(['-march=x86-64-v2']);
    expect(machineFlags(new Set(v3))).toEqual(['-march=x86-64-v3']);
    expect(machineFlags(new Set([...v4, 'avx512_vnni']))).toEqual([
      '-march=x86-64-v4',
      '-mprefer-vector-width=512',
      '-mavx512vnni',
    ]);
    expect(machineFlags(new Set(['asimd']))).toEqual(['-march=armv8-a']);
    const all = compileFlags({ path: '/cc', kind: 'gcc', version: '' }, cpuFeatures());
    expect(all.join(' ')).not.toContain('native');
    expect(all).toContain('-ffp-contract=off');
  });
});

describe.skipIf(missing !== null)('a program and the cache', () => {
  const feed = tensorOf('f32', [8], [0, 1, 2, 3, 4, 5, 6, 7]);

  it('is compiled once, and again after the entry is damaged', async () => {
    const cache = new CompileCache(join(home.path, 'cache'));
    const run = async (): Promise<number> => {
      const e = await build(increment(5), { cache });
      const [out] = e.run([feed]);
      e.dispose();
      return tensorValues(out)[3] as number;
    };
    const find = vi.spyOn(cache, 'find');
    const found = (): boolean[] => find.mock.results.map((r) => r.value !== undefined);
    expect([await run(), await run()]).toEqual([8, 8]);
    expect(found()).toEqual([false, true]);
    const file = readdirSync(cache.directory).find((f) => f.endsWith('.so'))!;
    writeFileSync(join(cache.directory, file), readFileSync(join(cache.directory, file)).subarray(0, 500));
    expect(await run()).toBe(8);
    expect(found()).toEqual([false, true, false]);
  });

  it('builds anew when a cached library cannot be loaded', async () => {
    const cache = new CompileCache(join(home.path, 'cache'));
    const find = cache.find.bind(cache);
    cache.find = (key) => {
      const found = find(key);
      return found && { ...found, path: '/no/such/library.so' };
    };
    for (let i = 0; i < 2; i++) {
      const e = await build(increment(6), { cache });
      expect(tensorValues(e.run([feed])[0])[0]).toBe(6);
      e.dispose();
    }
  });

  it('leaves no temporary files', async () => {
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = home.path;
    try {
      (await build(increment(7))).dispose();
      await expect(build(increment(8), { flags: ['-no-such-flag'] })).rejects.toThrow(/TOOLCHAIN/);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    expect(readdirSync(home.path)).toEqual([]);
  });

  it('needs the features that the code was made for', async () => {
    await expect(
      build(increment(9), { features: new Set(['f16c']) }).then((e) => e.dispose()),
    ).resolves.toBeUndefined();
  });
});
