// Verification: legal programs pass, and each kind of illegality is reported at its place.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import {
  acc,
  add,
  axisExpr,
  constant,
  type Expr,
  elem,
  exp,
  index,
  load,
  localExpr,
  lt,
  makeExpr,
  mul,
  newAxis,
  newLocal,
  sub,
} from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import type { Kernel, TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { Step, Stmt, TileOp, TileProgram } from '../../src/3-tile/tile-op.ts';
import { kernelProblems, programProblems, taskProblems, verifyProgram } from '../../src/3-tile/verify.ts';

const x = newTensor('x', 'f32', [4, 8], 'input');
const y = newTensor('y', 'f32', [4, 8], 'temp');
const n = newTensor('n', 'i64', [], 'input');
const flag = newTensor('flag', 'bool', [], 'input');
const [a, b] = [newAxis('i', 4), newAxis('j', 8)];
const [i, j] = [axisExpr(a), axisExpr(b)];
const one = constant('f32', 1);

const opOf = (change: Partial<TileOp> = {}): TileOp => ({
  kind: 'op',
  name: 'Copy',
  axes: [a, b],
  reduce: null,
  write: y,
  at: [i, j],
  value: load(x, [i, j]),
  ...change,
});
const programOf = (...steps: Step[]): TileProgram => ({ inputs: [x, n, flag], outputs: [y], steps, checks: [] });
const bad = (op: Expr['op'], ...src: Expr[]): Expr => makeExpr(op, 'f32', src, null as never);
const reducing = (elems: readonly Expr[], value: Expr, combine?: Expr): TileOp => {
  const r = newAxis('r', 8, 'reduce');
  const monoid = combine ? { ...sum('f32'), combine: [combine] } : sum('f32');
  return opOf({ axes: [a], at: [i, index(0)], value, reduce: { axes: [r], monoid, elems } });
};
const routineOf = (body: readonly Stmt[], reads = [x], writes = [y]): Step => ({
  kind: 'routine',
  name: 'R',
  reads,
  writes,
  body,
});
const v = newLocal('v', 'f32');
const k = newLocal('k', 'i32');

describe('programs', () => {
  it('that are legal pass', () => {
    const builder = new TileBuilder();
    const s = builder.reduce('f32', [4], [8], sum('f32'), ([p], [q]) => load(x, [p, q]));
    const m = builder.map('f32', [4, 8], ([p, q]) => exp(sub(load(x, [p, q]), load(s, [p]))));
    verifyProgram({ inputs: [x], outputs: [m], steps: builder.steps, checks: [] });
    expect(programProblems(programOf(opOf()))).toEqual([]);
  });

  const cases: readonly [name: string, program: TileProgram, problem: RegExp][] = [
    ['a type error', programOf(opOf({ value: bad('add', one, constant('f64', 1)) })), /add of f32 and f64/],
    ['an op without meaning', programOf(opOf({ value: bad('sin', constant('i32', 1)) })), /sin has no meaning for i32/],
    [
      'a condition that is no bool',
      programOf(opOf({ value: bad('select', i, one, one) })),
      /condition that is not bool/,
    ],
    [
      'a foreign axis',
      programOf(opOf({ value: makeExpr('cast', 'f32', [axisExpr(newAxis('z', 3))], null) })),
      /axis z is not bound/,
    ],
    ['a local outside statements', programOf(opOf({ value: localExpr(v) })), /v is read before it is set/],
    ['a state without reduction', programOf(opOf({ value: acc(0, 'f32') })), /acc 0 of type f32 is not bound/],
    ['an element outside a monoid', programOf(reducing([one], elem(0, 'f32'))), /elem 0 of type f32 is not bound/],
    [
      'a combine of another type',
      programOf(reducing([one], acc(0, 'f32'), constant('i32', 0))),
      /combine of add does not give its state/,
    ],
    ['an element of another type', programOf(reducing([i], acc(0, 'f32'))), /elem 0 of type f32 is not bound/],
    ['a wrong stored type', programOf(opOf({ value: i })), /stores i32 to f32/],
    ['a wrong rank of the write', programOf(opOf({ at: [i] })), /one i32 index per dimension/],
    [
      'an index that is not i32',
      programOf(opOf({ at: [i, makeExpr('cast', 'i64', [j], null)] })),
      /one i32 index per dimension/,
    ],
    [
      'a write out of range',
      programOf(opOf({ at: [i, add(j, index(1))] })),
      /write to y leaves dimension 1 of extent 8/,
    ],
    [
      'a load out of range',
      programOf(opOf({ value: load(x, [add(i, index(1)), j]) })),
      /load of x leaves dimension 0 of extent 4/,
    ],
    ['writes that collide', programOf(opOf({ at: [i, index(0)] })), /writes one element for several j/],
    ['a write to an input', programOf(opOf({ write: x, value: one })), /writes input x/],
    ['a read before any write', programOf(opOf({ value: load(y, [i, j]) })), /reads what nothing has written/],
    [
      'a read of what is half written',
      programOf(opOf({ axes: [a], at: [i, index(0)], value: one }), opOf({ value: load(y, [i, j]) })),
      /not fully written/,
    ],
    ['an unwritten output', programOf(), /output of y reads what nothing has written/],
    [
      'a vector before lowering',
      programOf(opOf({ value: makeExpr('lane', 'f32', [makeExpr('splat', 'f32', [one], null, 4)], 0) })),
      /splat is a vector/,
    ],
    [
      'a routine reading what it does not declare',
      programOf(routineOf([{ kind: 'set', local: v, value: load(x, [index(0), index(0)]) }], [])),
      /undeclared tensor/,
    ],
    [
      'a routine writing what it may not',
      programOf(routineOf([{ kind: 'store', tensor: x, at: [index(0), index(0)], value: one }])),
      /may not write/,
    ],
    [
      'a local set on one side only',
      programOf(
        routineOf(
          [
            { kind: 'if', cond: load(flag, []), then: [{ kind: 'set', local: v, value: one }], else: [] },
            { kind: 'store', tensor: y, at: [index(0), index(0)], value: localExpr(v) },
          ],
          [x, flag],
        ),
      ),
      /v is read before it is set/,
    ],
    [
      'a loop over other than i32',
      programOf(routineOf([{ kind: 'for', index: k, from: constant('i64', 0n), to: index(4), step: 1, body: [] }])),
      /loop over k is not i32/,
    ],
    [
      'a loop without progress',
      programOf(routineOf([{ kind: 'for', index: k, from: index(0), to: index(4), step: 0, body: [] }])),
      /has step 0/,
    ],
    [
      'a branch on a number',
      programOf({ kind: 'branch', name: 'If', cond: n, then: [], else: [] }),
      /not a scalar bool/,
    ],
    [
      'a tensor written on one side only',
      programOf({ kind: 'branch', name: 'If', cond: flag, then: [opOf()], else: [] }),
      /nothing has written/,
    ],
    [
      'a loop that carries other types',
      programOf(opOf(), {
        kind: 'loop',
        name: 'Loop',
        trip: n,
        cond: null,
        counter: newTensor('c', 'i64', [], 'temp'),
        carried: [{ init: y, state: newTensor('s', 'f32', [3], 'temp'), next: y }],
        steps: [],
      }),
      /carries s between different types/,
    ],
  ];
  it.each(cases)('with %s are refused', (_, program, problem) => {
    const problems = programProblems(program);
    expect(problems.map((p) => `${p.place}: ${p.what}`).join('\n')).toMatch(problem);
    expect(() => {
      verifyProgram(program);
    }).toThrow(/INTERNAL: illegal tile program/);
  });

  it('name the place inside loops and branches', () => {
    const step: Step = { kind: 'branch', name: 'If', cond: flag, then: [opOf({ value: i })], else: [opOf()] };
    expect(programProblems(programOf(step))[0].place).toBe('branch 0 If / op 0 Copy');
  });
});

const p = newTensor('p', 'f32', [32], 'input');
const q = newTensor('q', 'f32', [32], 'output');
const kernelWith = (value: Expr, at: readonly Expr[] = [localExpr(k)]): Kernel => ({
  id: 1,
  name: 'kernel',
  params: [p, q],
  body: [
    { kind: 'for', index: k, from: index(0), to: index(32), step: 1, body: [{ kind: 'store', tensor: q, at, value }] },
  ],
});
const element = load(p, [localExpr(k)]);

describe('kernels', () => {
  it('that are legal pass', () => {
    expect(kernelProblems(kernelWith(add(element, one)))).toEqual([]);
    expect(kernelProblems(kernelWith(makeExpr('load', 'f32', [mul(localExpr(k), index(4))], p, 4)))).toEqual([]);
  });

  const cases: readonly [name: string, kernel: Kernel, problem: RegExp][] = [
    ['a function', kernelWith(exp(element)), /exp is not decomposed/],
    [
      'a tensor that is no parameter',
      kernelWith(load(newTensor('z', 'f32', [4], 'temp'), [index(0)])),
      /z reads what is not a parameter/,
    ],
    ['two indices', kernelWith(one, [index(0), index(0)]), /2 indices for rank 1/],
    ['an axis', kernelWith(makeExpr('cast', 'f32', [i], null)), /axis i is not bound/],
    ['mixed lanes', kernelWith(bad('add', element, makeExpr('splat', 'f32', [one], null, 4))), /add gives f32/],
    [
      'a lane that is not there',
      kernelWith(makeExpr('lane', 'f32', [makeExpr('splat', 'f32', [one], null, 4)], 4)),
      /lane is not a lane/,
    ],
    ['a constant index beyond the end', kernelWith(load(p, [index(32)])), /leaves dimension 0 of extent 32/],
    [
      'a vector condition',
      {
        ...kernelWith(one),
        body: [{ kind: 'while', cond: makeExpr('splat', 'bool', [lt(index(0), index(1))], null, 4), body: [] }],
      },
      /while has a condition/,
    ],
  ];
  it.each(cases)('with %s are refused', (_, kernel, problem) => {
    expect(
      kernelProblems(kernel)
        .map((r) => r.what)
        .join('\n'),
    ).toMatch(problem);
  });
});

describe('task programs', () => {
  const kernel = kernelWith(element);
  const program = (change: Partial<TaskProgram> = {}): TaskProgram => ({
    kernels: [kernel],
    inputs: [p],
    outputs: [q],
    constants: [],
    checks: [],
    lanes: [[{ kind: 'run', kernel, args: [p, q] }]],
    plan: {
      constantBytes: 0,
      arenaBytes: 256,
      places: new Map([
        [p, { space: 'arena', offset: 0, bytes: 128 }],
        [q, { space: 'arena', offset: 128, bytes: 128 }],
      ]),
    },
    ...change,
  });
  const place = (offset: number, bytes: number): TaskProgram['plan'] => ({
    constantBytes: 0,
    arenaBytes: 256,
    places: new Map([
      [p, { space: 'arena', offset, bytes }],
      [q, { space: 'arena', offset: 0, bytes: 128 }],
    ]),
  });

  it('that are legal pass', () => {
    expect(taskProblems(program())).toEqual([]);
  });

  const cases: readonly [name: string, program: TaskProgram, problem: RegExp][] = [
    ['too few arguments', program({ lanes: [[{ kind: 'run', kernel, args: [p] }]] }), /with 1 tensors for 2/],
    [
      'an argument of another type',
      program({ lanes: [[{ kind: 'run', kernel, args: [p, n] }]] }),
      /n for a parameter of another type/,
    ],
    ['an unlisted kernel', program({ kernels: [] }), /does not list/],
    [
      'a tensor without place',
      program({ plan: { constantBytes: 0, arenaBytes: 256, places: new Map() } }),
      /q has no place/,
    ],
    ['a place that is not aligned', program({ plan: place(8, 128) }), /not aligned/],
    ['a place beyond the arena', program({ plan: place(192, 128) }), /ends beyond the arena/],
    ['a place that is too small', program({ plan: place(0, 64) }), /does not fit its place/],
  ];
  it.each(cases)('with %s are refused', (_, bad, problem) => {
    expect(
      taskProblems(bad)
        .map((r) => r.what)
        .join('\n'),
    ).toMatch(problem);
  });
});
