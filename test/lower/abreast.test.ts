// Long values are lowered with the points of a register tile side by side: a part of the value for every point of a
// group before the next part, so that hardware finds independent work in what it looks ahead over.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, cast, type Expr, erf, exp, isLoad, type Local, load, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { walkExpr } from '../../src/3-tile/rewrite.ts';
import { stmtExprs, walkStmts } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { lowering } from '../../src/lowering.ts';

type Make = (b: TileBuilder, x: TileTensor) => TileTensor;

/** The statements of the innermost loop of the only kernel. */
function innermost(make: Make, shape: readonly number[], device: string): readonly Stmt[] {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', shape, 'input');
  const outputs = [make(b, x)];
  const program = { inputs: [x], outputs, steps: b.steps, checks: [] };
  const { lanes } = schedule(program, { device: namedDevice(device)!, lower: lowering, fuse: true });
  const runs = lanes[0].filter((t) => t.kind === 'run');
  expect(runs).toHaveLength(1);
  let found: readonly Stmt[] = [];
  walkStmts(runs[0].kernel.body, (s) => {
    if (s.kind === 'for' && s.body.every((i) => i.kind !== 'for')) found = s.body;
  });
  return found;
}

/** Of every statement that depends on a load of `x`, which one: a number per address, in order of first use. */
function pointsOf(body: readonly Stmt[]): number[] {
  const addresses: Expr[] = [];
  const origin = new Map<Local, number>();
  const place = (e: Expr): number => {
    if (e.op === 'local') return origin.get(e.arg) ?? -1;
    if (!isLoad(e)) return -1;
    if (!addresses.includes(e)) addresses.push(e);
    return addresses.indexOf(e);
  };
  return body.flatMap((s) => {
    const from = new Set(stmtExprs(s).flatMap((e) => walkExpr(e).map(place)));
    from.delete(-1);
    if (from.size === 0) return [];
    expect(from.size).toBe(1);
    const [point] = from;
    if (s.kind === 'set' && s.local.name === 'part') origin.set(s.local, point);
    return [point];
  });
}

const chain =
  (n: number): Make =>
  (b, x) => {
    let y = x;
    for (let i = 0; i < n; i++) {
      const from = y;
      y = b.map('f32', x.shape, (ix) => mul(load(from, ix), erf(load(from, ix))));
    }
    return y;
  };
const sumOfExp: Make = (b, x) => b.reduce('f32', [64], [64], sum('f32'), (o, k) => [exp(load(x, [...k, ...o]))]);

/** The same number of times each of `size` points in turn, group by group. */
function expectTurns(points: readonly number[], size: number): void {
  const groups = new Map<number, number[]>();
  for (const p of points) groups.set(Math.floor(p / size), [...(groups.get(Math.floor(p / size)) ?? []), p]);
  expect([...groups.values()].flat()).toEqual(points);
  for (const [g, turns] of groups) {
    expect(turns.length).toBeGreaterThanOrEqual(3 * size);
    expect(turns).toEqual(turns.map((_, i) => g * size + (i % size)));
  }
}

describe('points of a tile side by side', () => {
  it.each([
    ['wasm-simd128', 2, 4],
    ['wasm-simd128', 6, 4],
    ['x86-avx2', 2, 4],
    ['x86-avx2', 6, 8],
  ] as const)('%s, %i functions in a row: %i points take turns', (device, functions, size) => {
    expectTurns(pointsOf(innermost(chain(functions), [4096], device)), size);
  });

  it('accumulators of a sum of functions take turns', () => {
    const points = pointsOf(innermost(sumOfExp, [64, 64], 'x86-avx2'));
    expect(new Set(points.slice(0, 4)).size).toBe(4);
    expect(points.slice(4, 8)).toEqual(points.slice(0, 4));
  });

  it('what no vector holds is no part', () => {
    const wide: Make = (b, x) =>
      b.map('f32', x.shape, (ix) => {
        const exact = cast('f64', load(x, ix));
        return add(erf(erf(load(x, ix))), cast('f32', mul(exact, exact)));
      });
    for (const s of innermost(wide, [4096], 'wasm-simd128')) {
      expect(s.kind === 'set' && s.local.dtype === 'f64' && s.local.lanes > 1).toBe(false);
    }
  });

  it('short values stay whole', () => {
    const short: Make = (b, x) => b.map('f32', x.shape, (ix) => add(load(x, ix), load(x, ix)));
    expect(innermost(short, [4096], 'x86-avx2').every((s) => s.kind === 'store')).toBe(true);
  });
});
