// Whole programs: tasks with loops and branches, constants, views, checks, limits, and what the
// launcher refuses.
import v8 from 'node:v8';
import { describe, expect, it } from 'vitest';
import * as X from '../../src/3-tile/expr.ts';
import { interpretTasks } from '../../src/3-tile/interpret.ts';
import { loopFrom, store } from '../../src/3-tile/statements.ts';
import type { Task } from '../../src/3-tile/task.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { RELAXED_SIMD, wasmTarget } from '../../src/5-codegen/targets/wasm/index.ts';
import { makeArtifact } from '../../src/6-runtime/artifact.ts';
import { hostFeatures, instantiate } from '../../src/6-runtime/launch/wasm.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { instantiateSync, kernelOf, planned, runProgram, texts } from './harness.ts';

const c = X.index;
const scalar = (name: string, dtype: 'i64' | 'bool' | 'f32') => newTensor(name, dtype, [], 'temp');

/** trip = given; repeat: sum += counter; stop = sum < limit; odd counters double the sum instead. */
function looping() {
  const trip = newTensor('trip', 'i64', [], 'input');
  const limit = newTensor('limit', 'i64', [], 'input');
  const sum = newTensor('sum', 'i64', [], 'output');
  const counter = newTensor('counter', 'i64', [], 'output');
  const cond = scalar('cond', 'bool');
  const odd = scalar('odd', 'bool');
  const [ft, fs, fl, fc, fo] = [counter, sum, limit, cond, odd].map((t) => newTensor(t.name, t.dtype, [], 'temp'));
  const at = [c(0)];
  const start = kernelOf([fs, fc], [store(fs, at, X.constant('i64', 1n)), store(fc, at, X.constant('bool', 1))]);
  const test = kernelOf(
    [ft, fo],
    [store(fo, at, X.eq(X.and(X.load(ft, at), X.constant('i64', 1n)), X.constant('i64', 1n)))],
  );
  const plus = kernelOf([fs, ft], [store(fs, at, X.add(X.load(fs, at), X.load(ft, at)))]);
  const double = kernelOf([fs], [store(fs, at, X.mul(X.load(fs, at), X.constant('i64', 2n)))]);
  const check = kernelOf([fs, fl, fc], [store(fc, at, X.lt(X.load(fs, at), X.load(fl, at)))]);
  const run = (kernel: typeof plus, ...args: (typeof sum)[]): Task => ({
    kind: 'run',
    kernel,
    args,
  });
  const then = [run(double, sum)];
  const tasks = (useTrip: boolean, useCond: boolean): Task[] => [
    run(start, sum, cond),
    {
      kind: 'loop',
      trip: useTrip ? trip : null,
      cond: useCond ? cond : null,
      counter,
      tasks: [
        run(test, counter, odd),
        { kind: 'branch', cond: odd, then, else: [run(plus, sum, counter)] },
        run(check, sum, limit, cond),
      ],
    },
  ];
  return (useTrip: boolean, useCond: boolean) =>
    planned({
      kernels: [start, test, plus, double, check],
      tasks: tasks(useTrip, useCond),
      inputs: [trip, limit],
      outputs: [sum, counter],
      temps: [cond, odd],
    });
}

describe('tasks', () => {
  const program = looping();
  it.each([
    [0n, 10n],
    [1n, 10n],
    [9n, 1000000n],
    [100n, 50n],
    [-3n, 5n],
  ])('loop %i times or until %i', (trip, limit) => {
    const feeds = [tensorOf('i64', [], [trip]), tensorOf('i64', [], [limit])];
    for (const [useTrip, useCond] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      const p = program(useTrip, useCond);
      expect(runProgram(p, feeds).map(texts)).toEqual(interpretTasks(p, feeds).map(texts));
    }
  });
});

describe('memory', () => {
  const x = newTensor('x', 'f32', [6], 'input');
  const data = tensorOf('f32', [6], [1, 2, 3, 4, 5, 6]);
  const weights = newTensor('w', 'f32', [6], 'constant', { data });
  const y = newTensor('y', 'f32', [6], 'output');
  const view = newTensor('v', 'f32', [2, 3], 'output', { base: y });
  const f = [0, 1, 2].map((i) => newTensor(`f${i}`, 'f32', [6], 'temp'));
  const kernel = kernelOf(f, [loopFrom(0, 6, (i) => [store(f[2], [i], X.mul(X.load(f[0], [i]), X.load(f[1], [i])))])]);
  const task: Task = { kind: 'run', kernel, args: [x, weights, view] };
  const ok = scalar('ok', 'bool');
  const fok = scalar('ok', 'bool');
  const decide = kernelOf([f[0], fok], [store(fok, [c(0)], X.lt(X.load(f[0], [c(0)]), X.constant('f32', 5)))]);
  const program = planned({
    kernels: [kernel, decide],
    tasks: [task, { kind: 'run', kernel: decide, args: [x, ok] }],
    inputs: [x],
    outputs: [y, view, weights],
    temps: [ok],
    constants: [weights],
    checks: [{ ok, message: 'x is too large', node: 'n1', op: 'Thing' }],
  });
  const artifact = makeArtifact(program, wasmTarget.emit(program, { exposeKernels: true }));
  const feed = (first = 1) => tensorOf('f32', [6], [first, 1, 1, 1, 1, 2]);

  it('gives constants, views and results of repeated runs', async () => {
    for (const executable of [instantiateSync(artifact), await instantiate(artifact)]) {
      const [first] = executable.run([feed()]);
      const [again, shaped, w] = executable.run([feed(2)]);
      expect(tensorValues(first)).toEqual([1, 2, 3, 4, 5, 12]);
      expect(tensorValues(again)).toEqual([2, 2, 3, 4, 5, 12]);
      expect(shaped.shape).toEqual([2, 3]);
      expect(tensorValues(shaped)).toEqual(tensorValues(again));
      expect(tensorValues(w)).toEqual(tensorValues(data));
      expect(executable.codeBytes).toBe(artifact.code.bytes.length);
      expect(executable.arenaBytes).toBe(program.plan.arenaBytes);
      executable.dispose();
      executable.dispose();
      expect(() => executable.run([feed()])).toThrow('USAGE');
    }
  });

  it('tells of its memory before anything is written there', async () => {
    const told: Uint8Array[] = [];
    const executable = await instantiate(artifact, (memory) => {
      told.push(memory);
      expect(memory.every((byte) => byte === 0)).toBe(true);
    });
    expect(told).toHaveLength(1);
    const [, , w] = executable.run([feed()]);
    expect([...told[0].subarray(0, w.bytes.length)]).toEqual([...data.bytes]);
  });

  it('fails where a check does, and runs again after it', async () => {
    const executable = await instantiate(artifact);
    expect(() => executable.run([feed(5)])).toThrow(
      expect.objectContaining({ code: 'RUNTIME_CHECK', place: { node: 'n1', op: 'Thing' } }),
    );
    expect(tensorValues(executable.run([feed(4)])[0])[0]).toBe(4);
  });

  it('refuses feeds that do not fit', async () => {
    const executable = await instantiate(artifact);
    const wrong = [
      [],
      [feed(), feed()],
      [tensorOf('f64', [6], [])],
      [tensorOf('f32', [2, 3], [])],
      [{ ...feed(), bytes: new Uint8Array(20) }],
    ];
    for (const feeds of wrong) {
      expect(() => executable.run(feeds)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    }
  });

  it('exposes kernels on request', () => {
    const module = new WebAssembly.Module(artifact.code.bytes as BufferSource);
    expect(WebAssembly.Module.exports(module).map((e) => e.name)).toEqual(['k0', 'k1', 'main']);
  });

  it('refuses programs that need more than 4 GiB', async () => {
    const large = { ...artifact, arenaBytes: 2 ** 32 };
    await expect(instantiate(large)).rejects.toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });

  it('refuses code that is no module', async () => {
    const broken = { ...artifact, code: { ...artifact.code, bytes: new Uint8Array(8) } };
    const refusal = expect.objectContaining({ code: 'TARGET_UNAVAILABLE' });
    await expect(instantiate(broken)).rejects.toThrow(refusal);
  });
});

it('uses relaxed multiply-add where the host has it, in scalars as in vectors', () => {
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (!hostFeatures().has(RELAXED_SIMD)) return;
  const n = 64;
  const ins = [0, 1, 2].map((i) => newTensor(`x${i}`, 'f32', [n], 'input'));
  const outs = [0, 1].map((i) => newTensor(`y${i}`, 'f32', [n], 'output'));
  const load = (t: (typeof ins)[0], at: X.Expr, lanes: number): X.Expr => X.makeExpr('load', 'f32', [at], t, lanes);
  const sum = (at: X.Expr, lanes: number): X.Expr =>
    X.fma(load(ins[0], at, lanes), load(ins[1], at, lanes), load(ins[2], at, lanes));
  const kernel = kernelOf(
    [...ins, ...outs],
    [
      loopFrom(0, n, (i) => [store(outs[0], [i], sum(i, 1))]),
      loopFrom(0, n / 4, (i) => [store(outs[1], [X.mul(i, c(4))], sum(X.mul(i, c(4)), 4))]),
    ],
  );
  const program = planned({
    kernels: [kernel],
    tasks: [{ kind: 'run', kernel, args: kernel.params }],
    inputs: ins,
    outputs: outs,
  });
  const feeds = ins.map((_, k) =>
    tensorOf(
      'f32',
      [n],
      Array.from({ length: n }, (__, i) => Math.sin(i * 7 + k)),
    ),
  );
  const [one, four] = runProgram(program, feeds, { features: new Set([RELAXED_SIMD]) });
  const [plain, wide] = runProgram(program, feeds);
  expect(one.bytes).toEqual(four.bytes);
  expect(plain.bytes).toEqual(wide.bytes);
});
