// Tile graphs mean what their operators mean, whichever legal cut is taken; and a cut that leaves out a part of what
// others read is not legal.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import {
  add,
  and,
  constant,
  type Expr,
  ge,
  guardedLoad,
  index,
  load,
  lt,
  max,
  mul,
  sub,
} from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor, owner, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { planMemory } from '../../src/4-schedule/memory.ts';
import { schedule, scheduleGraphs } from '../../src/4-schedule/schedule.ts';
import { fuse } from '../../src/4-schedule/welder/fuse.ts';
import { cutGraph, cutPlan } from '../../src/4-schedule/welder/graph.ts';
import { materialiseBorders } from '../../src/4-schedule/welder/pad.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { elementCount, elements, emptyTensor, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { mulberry32 } from '../../src/support/random.ts';

type Make = (b: TileBuilder, input: (...shape: number[]) => TileTensor) => TileTensor[];

interface Built {
  readonly ops: readonly TileOp[];
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly TileTensor[];
}

/** `join`: as they are once joined in registers. */
function built(make: Make, join = false): Built {
  const b = new TileBuilder();
  const inputs: TileTensor[] = [];
  const outputs = make(b, (...shape) => {
    const t = newTensor('x', 'f32', shape, 'input');
    inputs.push(t);
    return t;
  });
  for (const t of outputs) t.role = 'output';
  const program = { inputs, outputs, steps: b.steps, checks: [] };
  const steps = join ? fuse(program, (given) => given).steps : materialiseBorders(b.steps);
  return { ops: steps as TileOp[], inputs, outputs };
}

function feedsOf(inputs: readonly TileTensor[]) {
  const next = mulberry32(5);
  return inputs.map((t) => {
    const data = emptyTensor(t.dtype, t.shape);
    const cells = elements(t.dtype, data.bytes);
    for (let i = 0; i < elementCount(t.shape); i++) cells.set(i, Math.round(16 * (next() - 0.5)) / 8);
    return data;
  });
}

/** Every cut of the last operator by these steps, on one axis or on two. */
function* cuts(root: TileOp): Generator<ReadonlyMap<number, number>> {
  for (const a of root.axes.keys()) {
    for (const step of [1, 2, 3, 5]) {
      yield new Map([[a, step]]);
      for (const o of root.axes.keys())
        if (o !== a)
          yield new Map([
            [o, 1],
            [a, step],
          ]);
    }
  }
}

/** Runs the operators under every legal cut; gives how many there were, and of those that keep rows of tiles. */
function checkCuts(make: Make, join = false): { legal: number; sliding: number } {
  const { ops, inputs, outputs } = built(make, join);
  const feeds = feedsOf(inputs);
  const want = interpret({ inputs, outputs, steps: ops, checks: [] }, feeds).map(tensorValues);
  const seen = new Set([...inputs, ...outputs].map(owner));
  const shared = (t: TileTensor): boolean => seen.has(owner(t));
  let [legal, sliding] = [0, 0];
  for (const cut of cuts(ops[ops.length - 1])) {
    const plan = cutPlan(ops, shared, cut);
    if (!plan) continue;
    legal++;
    if (plan.members.some((m) => m.slide)) sliding++;
    const options = { device: namedDevice('x86-avx512')!, lower: lowering };
    const { kernels, tasks } = scheduleGraphs([cutGraph(ops, shared, cut)], options);
    const memory = planMemory(tasks, inputs, outputs);
    const program = { kernels, lanes: [tasks], ...memory, inputs, outputs, checks: [] };
    verifyTaskProgram(program);
    expect(interpretTasks(program, feeds).map(tensorValues), `cut ${JSON.stringify([...cut])}`).toEqual(want);
  }
  return { legal, sliding };
}

/** A 3x3 sum over a zero border, at every `stride`th row and column. */
function window(b: TileBuilder, x: TileTensor, stride = 1): TileTensor {
  const [h, w, c] = x.shape;
  const tap = ([i, j, k]: readonly Expr[], [r, s]: readonly Expr[]): Expr => {
    const [y, z] = [i, j].map((e, d) => sub(add(mul(e, index(stride)), [r, s][d]), index(1)));
    const inside = and(and(ge(y, index(0)), lt(y, index(h))), and(ge(z, index(0)), lt(z, index(w))));
    return guardedLoad(x, [y, z, k], inside, constant('f32', 0));
  };
  return b.reduce('f32', [h / stride, w / stride, c], [3, 3], sum('f32'), tap);
}

describe('tile graphs', () => {
  it('compute normalised rows tile by tile', () => {
    const softmax: Make = (b, input) => {
      const x = input(6, 7);
      const m = b.reduce('f32', [6], [7], maximum('f32'), ([i], [r]) => load(x, [i, r]));
      const e = b.map('f32', [6, 7], ([i, j]) => sub(load(x, [i, j]), load(m, [i])));
      const s = b.reduce('f32', [6], [7], sum('f32'), ([i], [r]) => load(e, [i, r]));
      return [b.map('f32', [6, 7], ([i, j]) => mul(load(e, [i, j]), load(s, [i])))];
    };
    expect(checkCuts(softmax).legal).toBeGreaterThan(10);
  });

  it('compute windows over windows, whose tiles overlap and reach over the edge', () => {
    const chain: Make = (b, input) => {
      const x = input(7, 6, 2);
      const relu = (t: TileTensor): TileTensor => b.map('f32', t.shape, (ix) => max(load(t, ix), constant('f32', 0)));
      return [window(b, window(b, relu(window(b, x))))];
    };
    expect(checkCuts(chain).legal).toBeGreaterThan(10);
  });

  it('keep rows that the next tile begins with, whatever the window', () => {
    const product = (b: TileBuilder, x: TileTensor): TileTensor =>
      b.reduce('f32', x.shape, [x.shape[2]], sum('f32'), ([i, j, k], [r]) =>
        mul(load(x, [i, j, r]), add(load(x, [i, j, k]), constant('f32', 1))),
      );
    for (const stride of [1, 2]) {
      const residual: Make = (b, input) => [product(b, window(b, product(b, input(12, 8, 2)), stride))];
      expect(checkCuts(residual, true).sliding).toBeGreaterThan(3);
    }
    const inside: Make = (b, input) => {
      const made = product(b, input(12, 6, 2));
      return [b.reduce('f32', [10, 6, 2], [3], sum('f32'), ([i, j, k], [r]) => load(made, [add(i, r), j, k]))];
    };
    expect(checkCuts(inside, true).sliding).toBeGreaterThan(1);
    const twice: Make = (b, input) => [window(b, window(b, product(b, input(12, 6, 2))))];
    expect(checkCuts(twice, true).sliding).toBeGreaterThan(3);
  });

  it('keep what an inner loop does not move outside of it', () => {
    const attention: Make = (b, input) => {
      const [q, k] = [input(2, 5, 3), input(2, 4, 3)];
      const turned = b.map('f32', [2, 3, 4], ([h, d, j]) => load(k, [h, j, d]));
      return [
        b.reduce('f32', [2, 5, 4], [3], sum('f32'), ([h, i, j], [d]) =>
          mul(load(q, [h, i, d]), load(turned, [h, d, j])),
        ),
      ];
    };
    expect(checkCuts(attention).legal).toBeGreaterThan(10);
  });

  it('are not cut where a tensor that others see would be left in part', () => {
    const { ops, inputs } = built((b, input) => {
      const x = input(3, 12);
      const y = b.map('f32', [3, 12], (ix) => add(load(x, ix), constant('f32', 1)));
      return [b.map('f32', [3, 4], ([i, j]) => load(y, [i, j]))];
    });
    const seen = new Set([...inputs.map(owner), owner(ops[0].write), owner(ops[1].write)]);
    const legal = (cut: ReadonlyMap<number, number>): boolean => cutPlan(ops, (t) => seen.has(owner(t)), cut) !== null;
    expect(legal(new Map([[0, 1]]))).toBe(false);
    expect(legal(new Map([[1, 2]]))).toBe(false);
  });

  it('take an operator that stores one value in a part of a tensor for no border', () => {
    const { ops, inputs, outputs } = built((b, input) => {
      const x = input(32);
      const one = b.map('f32', [32], (ix) => sub(load(x, ix), constant('f32', 1)));
      const parts = b.alloc('f32', [67]);
      const part = (from: number, extent: number, value: number): void =>
        b.write(
          parts,
          [extent],
          ([i]) => [add(i, index(from))],
          () => constant('f32', value),
        );
      part(0, 32, 2);
      part(32, 3, 3);
      part(35, 32, 4);
      return [parts, one];
    });
    const feeds = feedsOf(inputs);
    const program = { inputs, outputs, steps: ops, checks: [] };
    const tasks = schedule(program, { device: namedDevice('wasm-simd128')!, lower: lowering });
    expect(interpretTasks(tasks, feeds).map(tensorValues)).toEqual(interpret(program, feeds).map(tensorValues));
  });
});
