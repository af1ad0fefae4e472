// Loops and branches as tasks: carried values move as if at once, whatever they are copied from.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, cast, constant, type Expr, gt, load, lt, mul } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { parallelCopies } from '../../src/4-schedule/grinder/regions.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { wasmTarget } from '../../src/5-codegen/targets/wasm/index.ts';
import { makeArtifact } from '../../src/6-runtime/artifact.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { build, rolls } from '../lower/random-program.ts';
import { instantiateSync } from '../wasm/harness.ts';

const device = namedDevice('wasm-simd128')!;

/** Interprets the program, its tasks, and its tasks over the planned memory in WebAssembly. */
function agree(program: TileProgram, feeds: readonly TensorData[], fuse: boolean): void {
  const expected = interpret(program, feeds).map(tensorValues);
  const tasks = schedule(program, { device, lower: lowering, fuse });
  verifyTaskProgram(tasks);
  expect(interpretTasks(tasks, feeds).map(tensorValues)).toEqual(expected);
  const loaded = instantiateSync(makeArtifact(tasks, wasmTarget.emit(tasks)));
  expect(loaded.run(feeds).map(tensorValues)).toEqual(expected);
}

const N = 5;

/** A loop over `count` states whose next values are drawn from states, inputs and sums of states. */
function loopProgram(next: readonly number[], trip: number, conditional: boolean): TileProgram {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [N], 'input');
  const states = next.map((_, i) => b.alloc('f32', [N], `state${i}`));
  const inits = next.map((_, i) => b.map('f32', [N], (ix) => add(load(x, ix), constant('f32', i))));
  const body = b.nested();
  const value = (k: number, i: number): TileTensor => {
    if (k < states.length) return states[k];
    if (k === states.length) return x;
    const other = states[(k + i) % states.length];
    return body.map('f32', [N], (ix) => add(mul(load(states[i], ix), constant('f32', 2)), load(other, ix)));
  };
  const carried = states.map((state, i) => ({ init: inits[i], state, next: value(next[i], i) }));
  const counter = newTensor('i', 'i64', [], 'temp');
  const below =
    (limit: bigint): ((at: readonly Expr[]) => Expr) =>
    () =>
      lt(load(counter, []), constant('i64', limit));
  const cond = conditional
    ? {
        init: b.map('bool', [], () => constant('bool', 1)),
        state: b.alloc('bool', [], 'cond'),
        next: body.map('bool', [], below(2n)),
      }
    : null;
  b.loop({
    trip: b.constant(tensorOf('i64', [], [BigInt(trip)])),
    cond,
    counter,
    carried,
    steps: body.steps,
  });
  return { inputs: [x], outputs: states, steps: b.steps, checks: [] };
}

/** A loop whose state starts as floats of constant bytes. */
function fromBytes(): TileProgram {
  const b = new TileBuilder();
  const bytes = b.constant(tensorOf('u8', [N], [1, 2, 3, 4, 250]));
  const init = b.map('f32', [N], (ix) => mul(cast('f32', load(bytes, ix)), constant('f32', 0.5)));
  const state = b.alloc('f32', [N], 'state');
  const body = b.nested();
  const next = body.map('f32', [N], (ix) => add(load(state, ix), constant('f32', 1)));
  const counter = newTensor('i', 'i64', [], 'temp');
  const trip = b.constant(tensorOf('i64', [], [2n]));
  b.loop({ trip, cond: null, counter, carried: [{ init, state, next }], steps: body.steps });
  return { inputs: [], outputs: [state], steps: b.steps, checks: [] };
}

const feed = tensorOf('f32', [N], [1, 2, 3, -4, 5]);

describe('control flow as tasks', () => {
  it('starts a loop from what is made of constant bytes', () => {
    for (const fuse of [true, false]) agree(fromBytes(), [], fuse);
  });

  it('runs loops whose states swap, copy and combine', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(7), { minLength: 1, maxLength: 5 }),
        fc.nat(4),
        fc.boolean(),
        fc.boolean(),
        (next, trip, conditional, fuse) => {
          agree(loopProgram(next, trip, conditional), [feed], fuse);
        },
      ),
      { numRuns: 120, seed: 11 },
    );
  });

  it('runs the side of a branch that its condition says', () => {
    for (const first of [1, -1]) {
      const b = new TileBuilder();
      const x = newTensor('x', 'f32', [N], 'input');
      const out = b.alloc('f32', [N], 'out');
      const cond = b.map('bool', [], () => gt(load(x, [constant('i32', 0)]), constant('f32', 0)));
      const [then, otherwise] = [b.nested(), b.nested()];
      const double = then.map('f32', [N], (ix) => add(load(x, ix), load(x, ix)));
      then.copy(double, out);
      otherwise.copy(x, out);
      b.branch({ cond, then: then.steps, else: otherwise.steps });
      const y = b.map('f32', [N], (ix) => add(load(out, ix), constant('f32', 1)));
      const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
      for (const fuse of [false, true]) agree(program, [tensorOf('f32', [N], [first, 2, 3, 4, 5])], fuse);
    }
  });

  it('runs random programs over planned memory', () => {
    fc.assert(
      fc.property(rolls, fc.boolean(), (r, fuse) => {
        const { program, feeds } = build(r);
        agree(program, feeds, fuse);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  it('moves a cycle of values with one temporary', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((n) => newTensor(n, 'f32', [4], 'temp'));
    const moves = [
      { from: b, to: a },
      { from: c, to: b },
      { from: a, to: c },
    ];
    expect(parallelCopies(moves)).toHaveLength(4);
    expect(parallelCopies([{ from: a, to: a }])).toHaveLength(0);
  });
});
