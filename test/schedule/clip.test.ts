// Dilated windows over small images: outputs are divided by the taps that they reach, products with the border's zeros
// are left out, and the results stay.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, binary, constant, type Expr, guardedLoad, index, load, mul, sub } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../src/3-tile/tile-op.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { clippedParts } from '../../src/4-schedule/clip.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { materialiseBorders } from '../../src/4-schedule/welder/pad.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { wholeNumbers } from './whole-numbers.ts';

const CHANNELS = 5;

/** A sum over channels and 3×3 taps, `dilation` apart, around each of n×n places. */
function dilated(n: number, dilation: number, otherwise = 0) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [CHANNELS, n, n], 'input');
  const w = b.constant(wholeNumbers([4, CHANNELS, 3, 3]));
  const tap = (at: Expr, k: Expr): Expr => sub(add(at, mul(k, index(dilation))), index(dilation));
  const out = b.reduce('f32', [4, n, n], [CHANNELS, 3, 3], sum('f32'), ([o, i, j], [c, r, s]) => {
    const [row, column] = [tap(i, r), tap(j, s)];
    const inside = [row, column].flatMap((e) => [binary('ge', e, index(0)), binary('lt', e, index(n))]);
    const guard = inside.reduce((p, q) => binary('and', p, q));
    return mul(guardedLoad(x, [c, row, column], guard, constant('f32', otherwise)), load(w, [o, c, r, s]));
  });
  const op = b.steps[0] as TileOp;
  return { op, program: { inputs: [x], outputs: [out], steps: b.steps, checks: [] }, feeds: [wholeNumbers(x.shape)] };
}

const products = (ops: readonly TileOp[]): number =>
  ops.reduce((n, { axes, reduce }) => n + pointsOf([...axes, ...(reduce?.axes ?? [])]), 0);

describe('a window whose taps lie apart', () => {
  it.each([
    [14, 12, 9],
    [14, 6, 9],
    [14, 1, 1],
    [64, 12, 1],
    [6, 5, 1],
  ])('over %i places, %i apart: %i parts', (n, dilation, parts) => {
    expect(clippedParts(dilated(n, dilation).op)).toHaveLength(parts);
  });

  it('multiplies what lies inside, and only that, without a border', () => {
    const steps = materialiseBorders(clippedParts(dilated(14, 12).op)) as TileOp[];
    expect(steps).toHaveLength(9);
    const along = 2 * 2 + 10 * 1 + 2 * 2;
    expect(products(steps)).toBe(4 * CHANNELS * along ** 2);
  });

  it('stays whole where the border is not zero', () => {
    expect(clippedParts(dilated(14, 12, 1).op)).toHaveLength(1);
  });

  it.each(['wasm-simd128', 'x86-avx512'])('gives the same sums on %s', (name) => {
    for (const [n, dilation] of [
      [14, 12],
      [14, 6],
      [9, 8],
      [12, 20],
    ]) {
      const { program, feeds } = dilated(n, dilation);
      const tasks = schedule(program, { device: namedDevice(name)!, lower: lowering });
      verifyTaskProgram(tasks);
      expect(tensorValues(interpretTasks(tasks, feeds)[0])).toEqual(tensorValues(interpret(program, feeds)[0]));
    }
  });
});
