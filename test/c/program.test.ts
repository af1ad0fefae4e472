// Statements, guards, tasks and memory of the C target on small programs with known results; the
// interchange of lanes; sharing of kernels; limits and refusals.
import { describe, expect, it } from 'vitest';
import {
  add,
  axisExpr,
  binary,
  cast,
  constant,
  type Expr,
  eq,
  fma,
  guardedLoad,
  index,
  load,
  localExpr,
  lt,
  makeExpr,
  mul,
  newAxis,
  newLocal,
  sub,
  unary,
} from '../../src/3-tile/expr.ts';
import type { Kernel, Task } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { emitC } from '../../src/5-codegen/targets/c/program.ts';
import { cpuDevice, lanesOf } from '../../src/devices/device.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { type Scalar, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { build, call, kernel, noCompiler, programOf, runOnce } from './harness.ts';

const missing = noCompiler();
const PLAIN = { f16c: false, avx512: false, exposeKernels: false };
const input = (t: DType, n: number): TileTensor => newTensor('in', t, [n], 'input');
const output = (t: DType, n: number): TileTensor => newTensor('out', t, [n], 'output');
const temp = (t: DType, shape: readonly number[] = []): TileTensor => newTensor('temp', t, shape, 'temp');
const store = (tensor: TileTensor, at: Expr, value: Expr): Stmt => ({
  kind: 'store',
  tensor,
  at: [at],
  value,
});
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** for i in 0..n { body(i) } */
function loop(n: number | Expr, body: (i: Expr) => readonly Stmt[], step = 1): Stmt {
  const i = newLocal('i', 'i32');
  const to = typeof n === 'number' ? index(n) : n;
  return { kind: 'for', index: i, from: index(0), to, step, body: body(localExpr(i)) };
}

async function evaluate(
  body: readonly Stmt[],
  ins: readonly [TileTensor, readonly Scalar[]][],
  outs: readonly TileTensor[],
): Promise<Scalar[][]> {
  const k = kernel([...ins.map(([t]) => t), ...outs], body);
  const feeds = ins.map(([t, v]) => tensorOf(t.dtype, t.shape, v));
  const results = await runOnce(
    programOf(
      [call(k)],
      ins.map(([t]) => t),
      outs,
    ),
    feeds,
  );
  return results.map(tensorValues);
}

describe.skipIf(missing !== null)('statements in C', () => {
  it('sums a matrix with nested loops and an accumulator', async () => {
    const a = input('f32', 12);
    const out = output('f32', 3);
    const sum = newLocal('sum', 'f32');
    const body = loop(3, (i) => [
      { kind: 'set', local: sum, value: constant('f32', 0) },
      loop(4, (j) => [
        {
          kind: 'set',
          local: sum,
          value: add(localExpr(sum), load(a, [add(mul(i, index(4)), j)])),
        },
      ]),
      store(out, i, localExpr(sum)),
    ]);
    expect(await evaluate([body], [[a, range(12)]], [out])).toEqual([[6, 22, 38]]);
  });

  it('reads the new value of a local that is set between two uses of an expression', async () => {
    const out = output('i32', 4);
    const x = newLocal('x', 'i32');
    const square = mul(localExpr(x), localExpr(x));
    const set = (value: Expr): Stmt => ({ kind: 'set', local: x, value });
    const body: Stmt[] = [
      set(index(3)),
      store(out, index(0), add(square, square)),
      {
        kind: 'if',
        cond: lt(localExpr(x), index(9)),
        then: [set(index(5)), store(out, index(1), add(square, square))],
        else: [],
      },
      store(out, index(2), add(square, square)),
      loop(2, () => [set(add(localExpr(x), index(1))), store(out, index(3), add(square, square))]),
    ];
    expect(await evaluate(body, [], [out])).toEqual([[18, 50, 50, 98]]);
  });

  it('loads again after a store to the same tensor', async () => {
    const out = output('i32', 3);
    const first = load(out, [index(0)]);
    const twice = add(mul(first, first), mul(first, first));
    const body = [
      store(out, index(0), index(2)),
      store(out, index(1), twice),
      store(out, index(0), index(3)),
      store(out, index(2), twice),
    ];
    expect(await evaluate(body, [], [out])).toEqual([[3, 8, 18]]);
  });

  it('runs while loops, branches and loops with bounds from data', async () => {
    const n = input('i32', 1);
    const out = output('i32', 2);
    const x = newLocal('x', 'i32');
    const steps = newLocal('steps', 'i32');
    const even = eq(binary('and', localExpr(x), index(1)), index(0));
    const set = (local: typeof x, value: Expr): Stmt => ({ kind: 'set', local, value });
    const body: Stmt[] = [
      set(x, load(n, [index(0)])),
      set(steps, index(0)),
      {
        kind: 'while',
        cond: binary('ne', localExpr(x), index(1)),
        body: [
          {
            kind: 'if',
            cond: even,
            then: [set(x, binary('div', localExpr(x), index(2)))],
            else: [set(x, add(mul(localExpr(x), index(3)), index(1)))],
          },
          set(steps, add(localExpr(steps), index(1))),
        ],
      },
      store(out, index(0), localExpr(steps)),
      set(x, index(0)),
      loop(load(n, [index(0)]), (i) => [set(x, add(localExpr(x), i))]),
      store(out, index(1), localExpr(x)),
    ];
    expect(await evaluate(body, [[n, [27]]], [out])).toEqual([[111, 351]]);
  });

  it('does not touch memory where a guard is false', async () => {
    const a = input('f32', 8);
    const out = output('f32', 16);
    const far = (i: Expr): Expr => mul(sub(i, index(4)), index(1_000_000));
    const inside = (i: Expr): Expr => eq(i, index(4));
    const body = loop(16, (i) => [store(out, i, guardedLoad(a, [far(i)], inside(i), constant('f32', 7)))]);
    const [values] = await evaluate([body], [[a, [42, 1, 1, 1, 1, 1, 1, 1]]], [out]);
    expect(values).toEqual(range(16).map((i) => (i === 4 ? 42 : 7)));
  });

  it('guards each lane of a vector on its own', async () => {
    const a = input('f16', 8);
    const out = output('f32', 16);
    const body = loop(
      16,
      (i) => {
        const lanes = makeExpr('ramp', 'i32', [i], null, 4);
        const limit = makeExpr('splat', 'i32', [index(6)], null, 4);
        const otherwise = makeExpr('splat', 'f32', [constant('f32', -1)], null, 4);
        const value = makeExpr('guarded', 'f32', [i, lt(lanes, limit), otherwise], a, 4);
        return [store(out, i, value)];
      },
      4,
    );
    const [values] = await evaluate([body], [[a, range(8)]], [out]);
    expect(values).toEqual(range(16).map((i) => (i < 6 ? i : -1)));
  });

  it('packs, splats and takes lanes, of numbers and of truths', async () => {
    const out = output('i32', 8);
    const flags = output('bool', 4);
    const four = makeExpr('pack', 'i32', [5, 6, 7, 8].map(index), null, 4);
    const truths = lt(four, makeExpr('splat', 'i32', [index(7)], null, 4));
    const packed = makeExpr(
      'pack',
      'bool',
      [0, 1, 2, 3].map((l) => unary('not', makeExpr('lane', 'bool', [truths], l))),
      null,
      4,
    );
    const body = [
      store(out, index(0), makeExpr('mul', 'i32', [four, four], null, 4)),
      store(out, index(4), makeExpr('lane', 'i32', [four], 2)),
      store(out, index(5), cast('i32', makeExpr('lane', 'bool', [truths], 1))),
      store(flags, index(0), packed),
    ];
    const [values, bools] = await evaluate(body, [], [out, flags]);
    expect(values.slice(0, 6)).toEqual([25, 36, 49, 64, 7, 1]);
    expect(bools).toEqual([0, 0, 1, 1]);
  });

  it('gathers by a vector of indices', async () => {
    const a = input('i8', 16);
    const ix = input('i32', 8);
    const out = output('i32', 8);
    const at = makeExpr('load', 'i32', [index(0)], ix, 8);
    const body = [store(out, index(0), makeExpr('load', 'i32', [at], a, 8))];
    const order = [3, 1, 15, 0, 7, 7, 2, 9];
    const [values] = await evaluate(
      body,
      [
        [a, range(16).map((i) => i - 8)],
        [ix, order],
      ],
      [out],
    );
    expect(values).toEqual(order.map((i) => i - 8));
  });

  it('rounds once in fma, scalar and vector', async () => {
    const a = input('f32', 16);
    const out = output('f32', 20);
    const x = load(a, [index(0)]);
    const v = makeExpr('load', 'f32', [index(0)], a, 16);
    const body = [
      store(out, index(0), fma(v, v, makeExpr('splat', 'f32', [constant('f32', -1)], null, 16))),
      store(out, index(16), fma(x, x, constant('f32', -1))),
      store(out, index(17), sub(mul(x, x), constant('f32', 1))),
    ];
    const e = 1 + 2 ** -12;
    const [values] = await evaluate(body, [[a, range(16).map(() => e)]], [out]);
    expect(values.slice(0, 17)).toEqual(range(17).map(() => Math.fround(e * e - 1)));
    expect(values[17]).toBe(Math.fround(Math.fround(e * e) - 1));
    expect(values[17]).not.toBe(values[16]);
  });

  it('handles expressions ten thousand deep', async () => {
    const out = output('f32', 2);
    const a = input('f32', 1);
    let chain = load(a, [index(0)]);
    for (let i = 0; i < 10_000; i++) chain = add(chain, constant('f32', i % 2 ? 1 : -1));
    let doubled: Expr = load(a, [index(0)]);
    for (let i = 0; i < 60; i++) doubled = add(doubled, doubled);
    const body = [store(out, index(0), chain), store(out, index(1), doubled)];
    expect(await evaluate(body, [[a, [3]]], [out])).toEqual([[3, 3 * 2 ** 60]]);
  });
});

/** state += counter; cond = state < limit */
function countingLoop(
  trip: TileTensor | null,
  limit: number,
): { tasks: Task[]; state: TileTensor; counter: TileTensor } {
  const [state, counter, cond] = [output('i64', 1), temp('i64'), temp('bool')];
  const set = kernel(
    [state, cond],
    [store(state, index(0), constant('i64', 0n)), store(cond, index(0), constant('bool', 1))],
  );
  const next = add(load(state, [index(0)]), load(counter, [index(0)]));
  const step = kernel(
    [state, counter, cond],
    [store(state, index(0), next), store(cond, index(0), lt(load(state, [index(0)]), constant('i64', BigInt(limit))))],
  );
  return {
    tasks: [call(set), { kind: 'loop', trip, cond, counter, tasks: [call(step)] }],
    state,
    counter,
  };
}

describe.skipIf(missing !== null)('tasks in C', () => {
  it.each([
    [5n, 1000, 10n],
    [100n, 20, 21n],
    [0n, 5, 0n],
    [null, 12, 15n],
  ])('loop with trip %s until the state reaches %s', async (trip, limit, want) => {
    const t = trip === null ? null : input('i64', 1);
    const { tasks, state } = countingLoop(t, limit);
    const feeds = trip === null ? [] : [tensorOf('i64', [1], [trip])];
    const [result] = await runOnce(programOf(tasks, t ? [t] : [], [state]), feeds);
    expect(tensorValues(result)).toEqual([want]);
  });

  it('branches, nests and calls one kernel with different tensors', async () => {
    const cond = input('bool', 1);
    const [a, b] = [output('i32', 1), output('i32', 1)];
    const formal = temp('i32', [1]);
    const write = (v: number): Kernel => kernel([formal], [store(formal, index(0), index(v))]);
    const [one, two] = [write(1), write(2)];
    const tasks: Task[] = [
      {
        kind: 'branch',
        cond,
        then: [call(one, [a]), call(two, [b])],
        else: [call(two, [a]), call(one, [b])],
      },
    ];
    const executable = await build(programOf(tasks, [cond], [a, b]));
    for (const flag of [1, 0, 1]) {
      const [x, y] = executable.run([tensorOf('bool', [1], [flag])]);
      expect([...tensorValues(x), ...tensorValues(y)]).toEqual(flag ? [1, 2] : [2, 1]);
    }
    executable.dispose();
    executable.dispose();
    expect(() => executable.run([])).toThrow(/USAGE/);
  });

  it('reads constants, fails a check that is false, refuses feeds that do not fit', async () => {
    const table = newTensor('c', 'f64', [2], 'constant', {
      data: tensorOf('f64', [2], [1.5, 2.5]),
    });
    const [x, ok, out] = [input('f64', 1), temp('bool'), output('f64', 1)];
    const value = load(x, [index(0)]);
    const k = kernel(
      [table, x, ok, out],
      [store(ok, index(0), lt(value, constant('f64', 10))), store(out, index(0), mul(value, load(table, [index(1)])))],
    );
    const check = { ok, message: 'too large', node: 'n', op: 'o' };
    const executable = await build(programOf([call(k)], [x], [out], [check]));
    expect(tensorValues(executable.run([tensorOf('f64', [1], [4])])[0])).toEqual([10]);
    expect(() => executable.run([tensorOf('f64', [1], [11])])).toThrow(/RUNTIME_CHECK: too large/);
    expect(() => executable.run([tensorOf('f32', [1], [4])])).toThrow(/INVALID_INPUT/);
    expect(() => executable.run([])).toThrow(/INVALID_INPUT/);
    executable.dispose();
  });

  it('sees writes through a second name of the same memory', async () => {
    const a = output('i32', 4);
    const view = newTensor('view', 'i32', [2, 2], 'temp', { base: a });
    const [p, q] = [temp('i32', [4]), temp('i32', [4])];
    const k = kernel(
      [p, q],
      [
        store(p, index(0), index(1)),
        store(q, index(1), add(load(p, [index(0)]), load(p, [index(0)]))),
        store(q, index(0), index(7)),
        store(p, index(2), add(load(p, [index(0)]), load(p, [index(0)]))),
      ],
    );
    const program = programOf([call(k, [a, view])], [], [a]);
    expect(emitC(program, PLAIN)[0]).toContain('k0(i32 *p0, i32 *p1)');
    expect(tensorValues((await runOnce(program, []))[0]).slice(0, 3)).toEqual([7, 2, 14]);
  });

  it('compiles large programs as several units with the same result', async () => {
    const a = input('f32', 64);
    const outs = range(90).map(() => output('f32', 64));
    const tasks = outs.map((out, n) =>
      call(
        kernel(
          [a, out],
          range(24).map((r) => loop(64, (i) => [store(out, i, add(load(a, [i]), constant('f32', n * 24 + r)))])),
        ),
      ),
    );
    const program = programOf(tasks, [a], outs);
    expect(emitC(program, PLAIN).length).toBeGreaterThan(2);
    const results = await runOnce(program, [tensorOf('f32', [64], range(64))]);
    expect(results.map((r) => tensorValues(r)[5])).toEqual(range(90).map((n) => 5 + n * 24 + 23));
  });
});

describe('emitting C', () => {
  const copy = (name: string): Kernel => {
    const [p, q] = [newTensor(name, 'f32', [4], 'temp'), newTensor(name, 'f32', [4], 'temp')];
    return { ...kernel([p, q], [loop(4, (i) => [store(q, i, load(p, [i]))])]), name };
  };

  it('writes equal kernels once, and no name of the model', () => {
    const [a, b, c] = [input('f32', 4), temp('f32', [4]), output('f32', 4)];
    const program = programOf([call(copy('evil*/"'), [a, b]), call(copy('main()'), [b, c])], [a], [c]);
    const [text] = emitC(program, PLAIN);
    expect(text.match(/KERNEL void/g)).toHaveLength(1);
    expect(text).not.toContain('evil');
  });

  it('gives the same bytes every time', () => {
    const text = (): string => {
      const [a, c] = [input('f32', 4), output('f32', 4)];
      return emitC(programOf([call(copy('x'), [a, c])], [a], [c]), PLAIN).join();
    };
    expect(text()).toBe(text());
  });

  it('refuses what a lowering must have removed', () => {
    const out = output('f32', 4);
    const bad: Expr[] = [
      unary('exp', constant('f32', 1)),
      cast('f32', axisExpr(newAxis('a', 4))),
      localExpr(newLocal('l', 'f32')),
    ];
    for (const value of bad) {
      const program = programOf([call(kernel([out], [store(out, index(0), value)]))], [], [out]);
      expect(() => emitC(program, PLAIN)).toThrow(/INTERNAL/);
    }
  });

  it('knows the lanes of each type', () => {
    const wide = new Set(['avx512f', 'avx512vl', 'avx512bw', 'avx512dq', 'fma']);
    expect(lanesOf(cpuDevice(wide), 'f32')).toBe(16);
    expect(lanesOf(cpuDevice(new Set(['avx2', 'fma'])), 'f64')).toBe(4);
    expect(lanesOf(cpuDevice(new Set(['sse4_1'])), 'i32')).toBe(4);
    expect(lanesOf(cpuDevice(new Set()), 'f32')).toBe(1);
  });
});
