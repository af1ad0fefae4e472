// Text of expressions, programs and kernels: reads back to equal structure, and refuses nonsense.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import {
  add,
  axisExpr,
  binary,
  constant,
  type Expr,
  exp,
  guardedLoad,
  index,
  load,
  localExpr,
  lt,
  makeExpr,
  mul,
  newLocal,
} from '../../src/3-tile/expr.ts';
import { interpret } from '../../src/3-tile/interpret.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { store } from '../../src/3-tile/statements.ts';
import type { Kernel, TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { argExtreme } from '../../src/ops/extremes.ts';
import { loopNest, variable, when, whileLoop } from '../../src/ops/statements.ts';
import { parseKernel, parseProgram, parseTaskProgram } from '../../src/web/text/parse.ts';
import { printKernel, printProgram, printTaskProgram } from '../../src/web/text/print.ts';
import { AXES, exprs, indices, TENSORS, TYPES } from './arbitrary.ts';
import { printExpr } from './print-expr.ts';

/** A program that stores one expression, over the axes of the arbitraries. */
function programOf(e: Expr): TileProgram {
  const out = newTensor('out', e.dtype, [...AXES.map((a) => a.extent)], 'output');
  return {
    inputs: [...TENSORS],
    outputs: [out],
    checks: [],
    steps: [{ kind: 'op', name: 'Test', axes: AXES, reduce: null, write: out, at: AXES.map(axisExpr), value: e }],
  };
}

const withoutLocals = (e: Expr): boolean => !printExpr(e).includes('local ');

describe('text of expressions', () => {
  for (const t of TYPES) {
    it(`reads back for ${t}`, () => {
      fc.assert(
        fc.property(exprs(t).filter(withoutLocals), (e) => {
          const text = printProgram(programOf(e));
          expect(printProgram(parseProgram(text))).toBe(text);
        }),
        { numRuns: 60, seed: 5 },
      );
    });
  }

  it('keeps the meaning', () => {
    fc.assert(
      fc.property(indices(), (e) => {
        const before = programOf(e);
        const after = parseProgram(printProgram(before));
        const feeds = TENSORS.map((t) => tensorOf(t.dtype, t.shape, []));
        expect(interpret(after, feeds)[0].bytes).toEqual(interpret(before, feeds)[0].bytes);
      }),
      { numRuns: 30, seed: 6 },
    );
  });

  it('shares parts, so that doubling 200 times is 200 lines', () => {
    let e: Expr = axisExpr(AXES[0]);
    for (let n = 0; n < 200; n++) e = add(mul(e, e), index(n));
    const text = printExpr(e);
    expect(text.length).toBeLessThan(10_000);
  });

  it('prints and parses 10,000 levels', () => {
    let e: Expr = axisExpr(AXES[2]);
    for (let n = 0; n < 10_000; n++) e = n % 2 ? binary('xor', e, index(n)) : makeExpr('neg', 'i32', [e], null);
    const text = printProgram(programOf(e));
    expect(printProgram(parseProgram(text))).toBe(text);
  });
});

function softmaxProgram(): TileProgram {
  const x = newTensor('x "quoted"\u202e', 'f32', [4, 16], 'input');
  const b = new TileBuilder();
  b.place = { node: 'n', op: 'Softmax' };
  const m = b.reduce('f32', [4], [16], maximum('f32'), ([i], [r]) => load(x, [i, r]));
  const y = b.map('f32', [4, 16], ([i, j]) => exp(binary('sub', load(x, [i, j]), load(m, [i]))));
  const s = b.reduce('f32', [4], [16], sum('f32'), ([i], [r]) => load(y, [i, r]));
  const z = b.map('f32', [4, 16], ([i, j]) => binary('div', load(y, [i, j]), load(s, [i])));
  const c = b.constant(tensorOf('f16', [2], [0.1, -0]));
  const big = b.constant(
    tensorOf(
      'i64',
      [40],
      Array.from({ length: 40 }, (_, n) => BigInt(n)),
    ),
  );
  const w = b.map('f32', [2, 8], ([i, j]) => {
    const at = add(mul(j, index(3)), i);
    return guardedLoad(c, [i], lt(at, index(9)), constant('f32', Number.NaN));
  });
  const best = b.reduce(
    'i64',
    [4],
    [16],
    argExtreme('f32', 'max', false),
    ([i], [r]) => [load(x, [i, r]), makeExpr('cast', 'i64', [r], null), constant('bool', 1)],
    ([, at]) => at,
  );
  const view = b.view(z, [64]);
  const out = b.map('f32', [64], (ix) => load(view, ix));
  const flag = b.map('bool', [], () => constant('bool', 1));
  b.map('i64', [40], ([i]) => load(big, [i]));
  b.check(flag, 'flag is "set"');
  return { inputs: [x], outputs: [out, w, best], steps: b.steps, checks: b.checks };
}

function controlProgram(): TileProgram {
  const b = new TileBuilder();
  b.place = { node: 'n', op: 'Loop' };
  const x = newTensor('x', 'i64', [4], 'input');
  const counter = b.alloc('i64', []);
  const cond = ['init', 'state', 'next'].map((n) => b.alloc('bool', [], n));
  const carried = ['init', 'state', 'next'].map((n) => b.alloc('i64', [4], n));
  const inner = b.nested();
  const best = variable('best', 'i64');
  const body = loopNest([4], ([i]) => [
    best.set(load(x, [i])),
    when(
      lt(best.read, constant('i64', 3n)),
      [store(carried[2], [i], best.read)],
      [store(carried[2], [i], constant('i64', 0n))],
    ),
    whileLoop(lt(best.read, constant('i64', 9n)), [best.set(add(best.read, constant('i64', 1n)))]),
  ]);
  inner.routine([x], [carried[2]], body);
  b.loop({
    trip: null,
    counter,
    cond: { init: cond[0], state: cond[1], next: cond[2] },
    carried: [{ init: carried[0], state: carried[1], next: carried[2] }],
    steps: inner.steps,
  });
  const [then, otherwise] = [b.nested(), b.nested()];
  then.copy(carried[1], carried[0]);
  otherwise.routine([], [carried[0]], []);
  b.branch({ cond: cond[1], then: then.steps, else: otherwise.steps });
  return { inputs: [x], outputs: [carried[0]], steps: b.steps, checks: [] };
}

function kernelOf(): Kernel {
  const [x, y] = [newTensor('x', 'f32', [64], 'input'), newTensor('y', 'f32', [64], 'output')];
  const acc = newLocal('acc', 'f32', 4);
  const i = newLocal('i', 'i32');
  const vector = makeExpr('load', 'f32', [localExpr(i)], x, 4);
  return {
    id: 3,
    name: 'copy',
    params: [x, y],
    body: [
      {
        kind: 'for',
        index: i,
        from: index(0),
        to: index(64),
        step: 4,
        body: [
          {
            kind: 'set',
            local: acc,
            value: binary('mul', vector, makeExpr('splat', 'f32', [constant('f32', 0.1)], null, 4)),
          },
          { kind: 'store', tensor: y, at: [localExpr(i)], value: localExpr(acc) },
        ],
      },
    ],
  };
}

describe('text of programs', () => {
  it('reads back operators, reductions, views, constants and checks', () => {
    const p = softmaxProgram();
    const text = printProgram(p);
    const again = parseProgram(text, () =>
      p.steps.length > 0 ? tensorOf('i64', [40], new Array(40).fill(0n)) : undefined,
    );
    expect(printProgram(again)).toBe(text);
    expect(text).toMatchInlineSnapshot(`
      "program
      %0 = input f32[4, 16] "x \\"quoted\\"\\\\u202e"
      %1 = temp f32[4] "Softmax"
      %2 = temp f32[4, 16] "Softmax"
      %3 = temp f32[4] "Softmax"
      %4 = temp f32[4, 16] "Softmax"
      %5 = constant f16[2] "const" = { 0.099975586:f32, -0:f32 }
      %6 = temp f32[2, 8] "Softmax"
      %7 = temp i64[4] "Softmax"
      %8 = temp f32[64] of %4 "Softmax"
      %9 = temp f32[64] "Softmax"
      %10 = temp bool[] "Softmax"
      %11 = constant i64[40] "const" = data
      %12 = temp i64[40] "Softmax"
      inputs %0
      op "Softmax" [i0:4 | r0:16]
        fold "max" from -inf:f32
          combine max(acc0:f32, elem0:f32)
          merge max(acc0:f32, elem0:f32)
        elem %0[i0, r0]
        %1[i0] = acc0:f32
      op "Softmax" [i0:4 i1:16]
        %2[i0, i1] = exp(%0[i0, i1] - %1[i0])
      op "Softmax" [i0:4 | r0:16]
        fold "add" from -0:f32
          combine acc0:f32 + elem0:f32
          merge acc0:f32 + elem0:f32
        elem %2[i0, r0]
        %3[i0] = acc0:f32
      op "Softmax" [i0:4 i1:16]
        %4[i0, i1] = %2[i0, i1] / %3[i0]
      op "Softmax" [i0:2 i1:8]
        %6[i0, i1] = %5[i0 ? i1 * 3 + i0 < 9 : nan:f32]
      op "Softmax" [i0:4 | r0:16]
        fold "argmax" from -inf:f32, 0:i64, false
          $0 = not(isnan(acc0:f32))
          $1 = or(or(and(elem0:f32 > acc0:f32, $0), and(isnan(elem0:f32), $0)), not(acc2:bool))
          $2 = and(elem2:bool, $1)
          combine select($1, elem0:f32, acc0:f32), select($1, elem1:i64, acc1:i64), or(acc2:bool, elem2:bool)
          merge select($2, elem0:f32, acc0:f32), select($2, elem1:i64, acc1:i64), or(acc2:bool, elem2:bool)
        elem %0[i0, r0], i64(r0), true
        %7[i0] = acc1:i64
      op "Softmax" [i0:64]
        %9[i0] = %8[i0]
      op "Softmax" []
        %10[] = true
      op "Softmax" [i0:40]
        %12[i0] = %11[i0]
      check %10 "flag is \\"set\\"" "n" "Softmax"
      outputs %9 %6 %7
      "
    `);
  });

  it('reads back loops, branches and routines', () => {
    const text = printProgram(controlProgram());
    expect(printProgram(parseProgram(text))).toBe(text);
    expect(text).toMatchInlineSnapshot(`
      "program
      %0 = input i64[4] "x"
      %1 = temp i64[] "Loop"
      %2 = temp bool[] "init"
      %3 = temp bool[] "state"
      %4 = temp bool[] "next"
      %5 = temp i64[4] "init"
      %6 = temp i64[4] "state"
      %7 = temp i64[4] "next"
      inputs %0
      loop "Loop"
        trip none
        counter %1
        cond %2 %3 %4
        carry %5 %6 %7
        routine "Loop"
          reads %0
          writes %7
          local v0:i64
          for v1 = 0 to 4
            v0 = %0[v1]
            if v0 < 3:i64
              %7[v1] = v0
            else
              %7[v1] = 0:i64
            end
            while v0 < 9:i64
              v0 = v0 + 1:i64
            end
          end
        end
      end
      branch "Loop" %3
        op "Loop" [i0:4]
          %5[i0] = %6[i0]
      else
        routine "Loop"
          reads
          writes %5
        end
      end
      outputs %5
      "
    `);
  });

  it('reads back kernels and task programs', () => {
    const kernel = kernelOf();
    const text = printKernel(kernel);
    expect(printKernel(parseKernel(text))).toBe(text);
    expect(text).toMatchInlineSnapshot(`
      "kernel "copy"
        %0 = input f32[64] "x"
        %1 = output f32[64] "y"
        local v0:f32x4
        for v1 = 0 to 64 step 4
          v0 = %0x4[v1] * splat.4(0.1:f32)
          %1[v1] = v0
        end
      end
      "
    `);
    const stores = printKernel({ ...kernel, body: [store(kernel.params[1], [index(0)], constant('f32', 1))] });
    expect(printKernel(parseKernel(stores))).toBe(stores);
    const [x, y, n, c] = ['f32', 'f32', 'i64', 'bool'].map((t) =>
      newTensor('t', t as 'f32', t === 'f32' ? [64] : [], 'temp'),
    );
    const run = { kind: 'run', kernel, args: [x, y] } as const;
    const program: TaskProgram = {
      kernels: [kernel],
      inputs: [x],
      outputs: [y],
      constants: [],
      checks: [],
      lanes: [
        [
          run,
          { kind: 'loop', trip: n, cond: null, counter: n, tasks: [run] },
          { kind: 'branch', cond: c, then: [run], else: [] },
        ],
      ],
      plan: {
        constantBytes: 0,
        arenaBytes: 512,
        places: new Map([
          [x, { space: 'arena', offset: 0, bytes: 256 }],
          [y, { space: 'arena', offset: 256, bytes: 256 }],
        ]),
      },
    };
    const tasks = printTaskProgram(program);
    expect(printTaskProgram(parseTaskProgram(tasks))).toBe(tasks);
    expect(tasks).toMatchInlineSnapshot(`
      "tasks
      %0 = temp f32[64] "t"
      %1 = temp f32[64] "t"
      %2 = temp i64[] "t"
      %3 = temp bool[] "t"
      kernel "copy"
        %0 = input f32[64] "x"
        %1 = output f32[64] "y"
        local v0:f32x4
        for v1 = 0 to 64 step 4
          v0 = %0x4[v1] * splat.4(0.1:f32)
          %1[v1] = v0
        end
      end
      inputs %0
      constants
      lane
        run 0 %0 %1
        loop %2 none %2
          run 0 %0 %1
        end
        branch %3
          run 0 %0 %1
        else
        end
      end
      plan constants 0 arena 512
      place %0 arena 0 256
      place %1 arena 256 256
      outputs %1
      "
    `);
  });
});

describe('refusals', () => {
  const cases: readonly [name: string, text: string, message: RegExp][] = [
    ['not a program', 'hello', /line 1: expected program/],
    ['an undeclared tensor', 'program\ninputs %3\noutputs', /line 2: %3 is not declared/],
    [
      'a type error',
      'program\n%0 = temp f32[1] "t"\ninputs\nop "x" [i0:1]\n%0[i0] = 1:f32 + 2\noutputs',
      /line 5: INTERNAL: add of f32 and i32/,
    ],
    [
      'an unknown function',
      'program\n%0 = temp f32[1] "t"\ninputs\nop "x" [i0:1]\n%0[i0] = foo(i0)\noutputs',
      /line 5: foo/,
    ],
    ['early end', 'program\ninputs\nop "x" []', /ends early/],
    ['missing data', 'program\n%0 = constant f32[100] "t" = data\ninputs\noutputs', /contents of %0/],
    ['deep nesting', `program\n%0 = temp i32[1] "t"\ninputs\nop "x" [i0:1]\n%0[i0] = ${'('.repeat(1000)}`, /too deep/],
    ['text after the end of a line', 'program x', /line 1: x is too much/],
    ['unreadable text', 'program\n\u0001', /line 2: unreadable/],
  ];
  it.each(cases)('of %s', (_, text, message) => {
    expect(() => parseProgram(text)).toThrow(message);
  });
});
