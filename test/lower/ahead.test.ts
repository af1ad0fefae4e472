// While tiles use one part of a constant again and again, kernels ask for the next part: the lines that the next turn of
// the loop around reads, all of them and few others.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { type Expr, isLoad, type Local, load, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { walkExpr } from '../../src/3-tile/rewrite.ts';
import { stmtExprs, walkStmts } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { emptyTensor } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';

/** Floats of a line. */
const LINE = 16;

/** The only kernel of a product of `rows` rows with constant weights. */
function product(rows: number, depth: number, columns: number, device: string): readonly Stmt[] {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [rows, depth], 'input');
  const w = b.constant(emptyTensor('f32', [depth, columns]));
  const y = b.reduce('f32', [rows, columns], [depth], sum('f32'), ([i, j], [k]) => [
    mul(load(x, [i, k]), load(w, [k, j])),
  ]);
  const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
  const { lanes } = schedule(program, { device: namedDevice(device)!, lower: lowering, fuse: true });
  const runs = lanes[0].filter((t) => t.kind === 'run');
  expect(runs).toHaveLength(1);
  return runs[0].kernel.body;
}

const fetches = (body: readonly Stmt[]): (Stmt & { kind: 'fetch' })[] => {
  const found: (Stmt & { kind: 'fetch' })[] = [];
  walkStmts(body, (s) => s.kind === 'fetch' && found.push(s));
  return found;
};

const OPS: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  min: Math.min,
};

/** The value of an index. */
function evaluated(e: Expr, at: ReadonlyMap<Local, number>): number {
  if (e.op === 'const') return Number(e.arg);
  if (e.op === 'local') return at.get(e.arg)!;
  return OPS[e.op](evaluated(e.src[0], at), evaluated(e.src[1], at));
}

type Lines = Readonly<{ read: Set<number>; asked: Set<number> }>;

/** Lines of the weights that each turn of the outermost loop reads and asks for. */
function turnsOf(body: readonly Stmt[], weights: TileTensor): Lines[] {
  const at = new Map<Local, number>();
  const turns: Lines[] = [];
  const run = (list: readonly Stmt[], depth: number): void => {
    for (const s of list) {
      if (s.kind === 'set' && s.value.dtype === 'i32' && s.value.lanes === 1) at.set(s.local, evaluated(s.value, at));
      if (s.kind === 'for') {
        for (let i = evaluated(s.from, at); i < evaluated(s.to, at); i += s.step) {
          at.set(s.index, i);
          if (depth === 0) turns.push({ read: new Set(), asked: new Set() });
          run(s.body, depth + 1);
        }
        continue;
      }
      const turn = turns.at(-1);
      if (!turn) continue;
      if (s.kind === 'fetch') turn.asked.add(Math.floor(evaluated(s.at[0], at) / LINE));
      for (const e of stmtExprs(s).flatMap((x) => walkExpr(x))) {
        if (isLoad(e) && e.arg === weights) turn.read.add(Math.floor(evaluated(e.src[0], at) / LINE));
      }
    }
  };
  run(body, 0);
  return turns;
}

describe('constants ahead', () => {
  it.each([
    [49, 192, 1152],
    [49, 576, 96],
    [24, 288, 768],
    [400, 128, 192],
  ])('%i rows, weights of %i by %i: the next part is asked for, and little else', (rows, depth, columns) => {
    const body = product(rows, depth, columns, 'x86-avx512');
    const [{ tensor }] = fetches(body);
    const turns = turnsOf(body, tensor);
    expect(turns.length).toBeGreaterThan(1);
    for (const [i, { asked }] of turns.entries()) {
      const next = turns[i + 1]?.read ?? new Set();
      expect([...next].filter((l) => !asked.has(l))).toEqual([]);
      expect(asked.size).toBeLessThanOrEqual(1.5 * turns[i].read.size);
    }
  });

  it('not for one row, which reads all once, nor for what the first level holds', () => {
    expect(fetches(product(1, 1024, 1024, 'x86-avx512'))).toEqual([]);
    expect(fetches(product(49, 64, 64, 'x86-avx512'))).toEqual([]);
  });

  it('not where no instruction does it', () => {
    expect(fetches(product(49, 192, 1152, 'wasm-simd128-fma'))).toEqual([]);
  });
});
