// Statements of kernels: loops with all kinds of bounds, conditions, guarded loads and gathers,
// aliasing between stores and loads, shared addresses, deep expressions. Against the interpreter.
import { describe, expect, it } from 'vitest';
import type { Expr } from '../../src/3-tile/expr.ts';
import * as X from '../../src/3-tile/expr.ts';
import { loopFrom, store } from '../../src/3-tile/statements.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { wasmTarget } from '../../src/5-codegen/targets/wasm/index.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { loopNest, variable, when, whileLoop } from '../../src/ops/statements.ts';
import { expectAsInterpreted, kernelOf, planned, runKernel } from './harness.ts';

const i32s = (values: readonly number[]): TensorData => tensorOf('i32', [values.length], values);
const f32s = (n: number, f = (i: number): number => i): TensorData =>
  tensorOf(
    'f32',
    [n],
    Array.from({ length: n }, (_, i) => f(i)),
  );
const c = X.index;
const vec = (e: Expr, lanes = 4): Expr => X.makeExpr('splat', e.dtype, [e], null, lanes);
const vload = (t: ReturnType<typeof newTensor>, at: Expr, lanes = 4): Expr =>
  X.makeExpr('load', X.computeType(t.dtype), [at], t, lanes);

describe('loops', () => {
  const bounds = newTensor('bounds', 'i32', [3], 'input');
  const out = newTensor('out', 'i32', [32], 'output');
  const count = variable('count', 'i32');

  it.each([
    [0, 10, 1],
    [3, 3, 1],
    [5, 2, 1],
    [0, 10, 3],
    [-7, 8, 4],
    [2147483640, 2147483647, 5],
    [2147483646, 2147483647, 1],
    [-2147483648, -2147483640, 7],
  ])('from %i to %i by %i', (from, to, step) => {
    const index = X.newLocal('i', 'i32');
    const body: Stmt[] = [count.set(X.add(count.read, c(1))), store(out, [count.read], X.localExpr(index))];
    for (const dynamic of [false, true]) {
      const at = (k: number, v: number): Expr => (dynamic ? X.load(bounds, [c(k)]) : c(v));
      const loop: Stmt = { kind: 'for', index, from: at(0, from), to: at(1, to), step, body };
      const kernel = kernelOf([bounds, out], [count.set(c(0)), loop]);
      expectAsInterpreted(kernel, [i32s([from, to, step]), i32s(new Array(32).fill(0))]);
    }
  });

  it('that never run may have any step', () => {
    const body: Stmt[] = [store(out, [c(0)], c(7))];
    const index = X.newLocal('i', 'i32');
    const loop: Stmt = { kind: 'for', index, from: c(0), to: c(0), step: 0, body };
    expectAsInterpreted(kernelOf([out], [loop]), [i32s(new Array(32).fill(1))]);
    const endless = kernelOf([out], [{ ...loop, to: c(1) }]);
    expect(() => runKernel(endless, [i32s(new Array(32).fill(1))])).toThrow('INTERNAL');
  });

  it('nest with bounds that depend on outer indices', () => {
    const body = loopFrom(0, 6, (i) => [
      loopFrom(i, X.min(X.add(i, c(3)), c(6)), (j) => [
        count.set(X.add(count.read, X.mul(i, j))),
        store(out, [X.add(X.mul(i, c(5)), X.rem(j, c(5)))], count.read),
      ]),
    ]);
    const kernel = kernelOf([out], [count.set(c(0)), body]);
    expectAsInterpreted(kernel, [i32s(new Array(32).fill(-1))]);
  });

  it('while with a condition on memory that the body writes', () => {
    const kernel = kernelOf(
      [out],
      [
        whileLoop(X.lt(X.load(out, [c(0)]), c(100)), [
          store(out, [c(0)], X.add(X.mul(X.load(out, [c(0)]), c(2)), c(1))),
          count.set(X.add(X.load(out, [c(1)]), c(1))),
          store(out, [c(1)], count.read),
        ]),
      ],
    );
    expectAsInterpreted(kernel, [i32s(new Array(32).fill(0))]);
  });

  it('keep variables over iterations in which they are not set', () => {
    const last = variable('last', 'i32');
    const body = loopFrom(0, 16, (i) => [
      count.set(X.mul(X.add(i, c(1)), X.add(i, c(2)))),
      when(X.eq(X.rem(i, c(3)), c(1)), [last.set(i)]),
      when(X.gt(i, c(1)), [store(out, [i], X.add(last.read, X.sub(count.read, count.read)))]),
    ]);
    expectAsInterpreted(kernelOf([out], [body]), [i32s(new Array(32).fill(0))]);
  });
});

describe('conditions', () => {
  const x = newTensor('x', 'f32', [16], 'input');
  const out = newTensor('out', 'f32', [16], 'output');

  it('run one side', () => {
    const body = loopFrom(0, 16, (i) => [
      when(
        X.lt(X.load(x, [i]), X.constant('f32', 8)),
        [when(X.eq(X.and(i, c(1)), c(0)), [store(out, [i], X.constant('f32', 1))])],
        [store(out, [i], X.load(x, [i])), store(out, [c(0)], X.constant('f32', 9))],
      ),
    ]);
    expectAsInterpreted(kernelOf([x, out], [body]), [f32s(16), f32s(16, () => 0)]);
  });

  it('keep loads that they guard from running early', () => {
    const idx = newTensor('idx', 'i32', [4], 'input');
    const body = loopFrom(0, 4, (i) => [
      when(X.lt(i, c(2)), [
        loopFrom(0, 4, (j) => [store(out, [X.add(X.mul(i, c(4)), j)], X.load(x, [X.add(X.load(idx, [i]), j)]))]),
      ]),
    ]);
    const far = i32s([3, 8, 2 ** 30, -(2 ** 30)]);
    expectAsInterpreted(kernelOf([idx, x, out], [body]), [far, f32s(16), f32s(16, () => 0)]);
  });
});

describe('guarded loads', () => {
  const x = newTensor('x', 'f32', [4, 5], 'input');
  const out = newTensor('out', 'f32', [64], 'output');
  const inside = (y: Expr, xx: Expr): Expr =>
    X.and(X.and(X.ge(y, c(0)), X.lt(y, c(4))), X.and(X.ge(xx, c(0)), X.lt(xx, c(5))));

  it('give the other value out of range, however far', () => {
    const body = loopNest([7, 8], ([i, j]) => {
      const [y, xx] = [X.sub(i, c(2)), X.sub(j, c(1))];
      const far = X.mul(X.sub(y, c(0)), c(100000000));
      const at = X.add(X.add(X.mul(y, c(5)), xx), X.select(inside(y, xx), c(0), far));
      const v = X.makeExpr('guarded', 'f32', [at, inside(y, xx), X.constant('f32', -1)], x);
      return [store(out, [X.add(X.mul(i, c(8)), j)], v)];
    });
    expectAsInterpreted(kernelOf([x, out], body), [
      tensorOf('f32', [4, 5], tensorValues(f32s(20, (i) => i + 1))),
      f32s(64, () => 0),
    ]);
  });

  it('work on vectors with scalar and vector guards', () => {
    const src = newTensor('src', 'f32', [16], 'input');
    const idx = newTensor('idx', 'i32', [16], 'input');
    const lanes = 4;
    const body = loopFrom(0, 4, (i) => {
      const at = X.mul(i, c(4));
      const scalar = X.makeExpr('guarded', 'f32', [at, X.lt(i, c(2)), vec(X.constant('f32', 7))], src, lanes);
      const where = X.makeExpr('ramp', 'i32', [at], null, lanes);
      const guard = X.lt(X.rem(where, vec(c(3))), vec(c(2)));
      const vector = X.makeExpr('guarded', 'f32', [at, guard, vec(X.constant('f32', 8))], src, lanes);
      const rows = vload(idx, at);
      const ok = X.and(X.ge(rows, vec(c(0))), X.lt(rows, vec(c(16))));
      const gather = X.makeExpr('guarded', 'f32', [rows, ok, vec(X.constant('f32', 9))], src, lanes);
      const safe = X.min(X.max(rows, vec(c(0))), vec(c(15)));
      const plain = X.makeExpr('load', 'f32', [safe], src, lanes);
      return [scalar, vector, gather, plain].map((v, k) => store(out, [X.add(at, c(16 * k))], v));
    });
    const indices = i32s([3, -1, 15, 16, 2 ** 30, 0, 1, 2, -(2 ** 30), 7, 7, 7, 12, 13, 14, 15]);
    expectAsInterpreted(kernelOf([src, idx, out], [body]), [f32s(16, (i) => i + 0.5), indices, f32s(64, () => 0)]);
  });
});

describe('sharing', () => {
  const x = newTensor('x', 'f32', [64], 'input');
  const out = newTensor('out', 'f32', [64], 'output');

  it('reads again what a store may have changed', () => {
    const body = loopFrom(1, 63, (i) => {
      const sum = X.add(X.load(out, [X.sub(i, c(1))]), X.load(x, [i]));
      return [store(out, [i], sum), store(out, [X.add(i, c(1))], sum), store(out, [i], sum)];
    });
    expectAsInterpreted(kernelOf([x, out], [body]), [f32s(64), f32s(64, () => 1)]);
  });

  it('reads again through another view of the same bytes', () => {
    const view = newTensor('view', 'f32', [8, 8], 'output', { base: out });
    const at = c(5);
    const kernel = kernelOf(
      [out, view],
      [
        store(out, [at], X.constant('f32', 2)),
        store(view, [at], X.add(X.load(out, [at]), X.constant('f32', 1))),
        store(out, [c(6)], X.mul(X.load(out, [at]), X.load(out, [at]))),
      ],
    );
    const outputs = runKernel(
      kernelOf(
        [out],
        kernel.body.map((s) => (s.kind === 'store' ? { ...s, tensor: out } : s)),
      ),
      [f32s(64)],
    );
    expect(tensorValues(outputs[0]).slice(5, 7)).toEqual([3, 9]);
  });

  it('evaluates with the value that a variable has at each statement', () => {
    const t = variable('t', 'f32');
    const square = X.mul(t.read, t.read);
    const kernel = kernelOf(
      [out],
      [
        t.set(X.constant('f32', 3)),
        store(out, [c(0)], square),
        store(out, [c(1)], X.add(square, square)),
        t.set(square),
        store(out, [c(2)], square),
        t.set(X.add(square, t.read)),
        store(out, [c(3)], square),
      ],
    );
    expectAsInterpreted(kernel, [f32s(64)]);
  });

  it('shares addresses over constant distances, also negative ones', () => {
    const body = loopFrom(2, 14, (i) => {
      const at = X.mul(i, c(4));
      const parts = [-8, -3, 0, 5, 7].map((d) => X.load(x, [X.add(at, c(d))]));
      return [store(out, [X.sub(at, c(8))], parts.reduce(X.add)), store(out, [X.add(at, c(3))], parts[1])];
    });
    expectAsInterpreted(kernelOf([x, out], [body]), [f32s(64, (i) => i * i), f32s(64)]);
  });

  it('moves pointers along strided loops, descending ones too', () => {
    const body = loopFrom(0, 8, (i) => [
      { kind: 'for', index: X.newLocal('unused', 'i32'), from: c(0), to: c(0), step: 1, body: [] },
      loopFrom(0, 8, (j) => [
        store(out, [X.add(X.mul(X.sub(c(7), i), c(8)), X.sub(c(7), j))], X.load(x, [X.add(X.mul(j, c(8)), i)])),
      ]),
    ]);
    expectAsInterpreted(kernelOf([x, out], [body]), [f32s(64), f32s(64)]);
  });
});

it('evaluates expressions 10,000 deep and widely shared ones', () => {
  const x = newTensor('x', 'i32', [4], 'input');
  const out = newTensor('out', 'i32', [4], 'output');
  let deep = X.load(x, [c(0)]);
  for (let i = 0; i < 10000; i++) deep = i % 2 ? X.add(deep, c(i)) : X.xor(deep, X.load(x, [c(i % 4)]));
  let shared = X.load(x, [c(1)]);
  for (let i = 0; i < 200; i++) shared = X.add(shared, shared);
  let index = X.load(x, [c(3)]);
  for (let i = 0; i < 5000; i++) index = X.sub(X.add(index, c(3)), c(3));
  const kernel = kernelOf(
    [x, out],
    [store(out, [c(0)], deep), store(out, [c(1)], shared), store(out, [X.and(index, c(3))], c(5))],
  );
  expectAsInterpreted(kernel, [i32s([1, 2, 3, 2]), i32s([0, 0, 0, 0])]);
});

it('vector pack, lane, ramp and splat', () => {
  const out = newTensor('out', 'i32', [16], 'output');
  const x = newTensor('x', 'i32', [4], 'input');
  const v = vload(x, c(0));
  const lanes = [3, 2, 1, 0].map((i) => X.makeExpr('lane', 'i32', [v], i));
  const kernel = kernelOf(
    [x, out],
    [
      store(out, [c(0)], X.makeExpr('pack', 'i32', lanes, null, 4)),
      store(out, [c(4)], X.makeExpr('ramp', 'i32', [X.load(x, [c(2)])], null, 4)),
      store(out, [c(8)], X.makeExpr('pack', 'i32', [1, 2, 3, 4].map(c), null, 4)),
      store(out, [c(12)], X.mul(vec(X.load(x, [c(3)])), vec(c(3)))),
    ],
  );
  expectAsInterpreted(kernel, [i32s([5, 6, 7, 8]), i32s(new Array(16).fill(0))]);
});

describe('matrix product in register tiles', () => {
  const [M, N, K, MR] = [8, 16, 12, 4];
  const a = newTensor('a', 'f32', [M, K], 'input');
  const b = newTensor('b', 'f32', [K, N], 'input');
  const o = newTensor('o', 'f32', [M, N], 'output');

  function body(): readonly Stmt[] {
    const accs = Array.from({ length: MR * 2 }, (_, i) => X.newLocal(`acc${i}`, 'f32', 4));
    const zero = vec(X.constant('f32', 0));
    return loopNest([M / MR, N / 8], ([i, j]) => {
      const row = (r: number): Expr => X.add(X.mul(i, c(MR)), c(r));
      const col = (v: number): Expr => X.add(X.mul(j, c(8)), c(4 * v));
      const sets = accs.map((local): Stmt => ({ kind: 'set', local, value: zero }));
      const step = loopFrom(0, K, (k) =>
        accs.map((local, t) => {
          const [r, v] = [Math.floor(t / 2), t % 2];
          const left = vec(X.load(a, [X.add(X.mul(row(r), c(K)), k)]));
          const right = vload(b, X.add(X.mul(k, c(N)), col(v)));
          return { kind: 'set', local, value: X.fma(left, right, X.localExpr(local)) };
        }),
      );
      const stores = accs.map((local, t) =>
        store(o, [X.add(X.mul(row(Math.floor(t / 2)), c(N)), col(t % 2))], X.localExpr(local)),
      );
      return [...sets, step, ...stores];
    });
  }

  it('is right', () => {
    const args = [
      tensorOf(
        'f32',
        [M, K],
        Array.from({ length: M * K }, (_, i) => (i % 7) - 3),
      ),
      tensorOf(
        'f32',
        [K, N],
        Array.from({ length: K * N }, (_, i) => (i % 5) - 2),
      ),
      tensorOf('f32', [M, N], []),
    ];
    expectAsInterpreted(kernelOf([a, b, o], body()), args);
  });

  it('has no address arithmetic in the inner loop besides two moving pointers', () => {
    const kernel = kernelOf([a, b, o], body());
    const program = planned({ kernels: [kernel], tasks: [], inputs: [a, b], outputs: [o] });
    const { bytes } = wasmTarget.emit(program);
    expect(bytes).toEqual(wasmTarget.emit(program).bytes);
    // One loop body: 4 splats of A, 2 vectors of B, 8 multiply-adds, 2 pointers, one counter.
    expect(bytes.length).toBeLessThan(700);
  });
});
