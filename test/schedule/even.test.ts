// Outputs that no tiles of two or three vectors cover: the product is two, with the same results.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { load, mul } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { wholeNumbers } from './whole-numbers.ts';

/** x [m, k] times constant weights, [k, n] or transposed. */
function classifier(m: number, k: number, n: number, transposed: boolean) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [m, k], 'input');
  const w = b.constant(wholeNumbers(transposed ? [n, k] : [k, n]));
  const out = b.reduce('f32', [m, n], [k], sum('f32'), ([i, j], [r]) =>
    mul(load(x, [i, r]), load(w, transposed ? [j, r] : [r, j])),
  );
  const program = { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
  const tasks = schedule(program, { device: namedDevice('x86-avx512-vnni')!, lower: lowering });
  const feeds = [wholeNumbers([m, k])];
  const values = tensorValues(interpretTasks(tasks, feeds)[0]);
  return { runs: tasks.lanes[0].length, values, want: tensorValues(interpret(program, feeds)[0]) };
}

describe('products with constants', () => {
  it.each([
    [1, 64, 1000, false, 2],
    [5, 64, 1000, true, 2],
    [5, 64, 1024, false, 1],
    [5, 64, 336, true, 1],
    [5, 16, 1000, false, 1],
  ])('%i × %i × %i, transposed %s: %i kernels', (m, k, n, transposed, kernels) => {
    const { runs, values, want } = classifier(m, k, n, transposed);
    expect(runs).toBe(kernels);
    expect(values).toEqual(want);
  });
});
