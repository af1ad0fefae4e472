// What is told of kernels is what was scheduled: members in order, savings against the same operators apart, and a
// reason for every border between two kernels.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { div, exp, load, mul, sub } from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { lowering } from '../../src/lowering.ts';
import { type KernelWhy, whyOf } from '../../src/web/report/why.ts';

/** Softmax of the rows of a product, and that times another matrix. */
function program(rows: number) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [rows, 64], 'input');
  const y = newTensor('y', 'f32', [64, 256], 'input');
  b.place = { node: 'n', op: 'Product' };
  const product = b.reduce('f32', [rows, 256], [64], sum('f32'), ([i, j], [k]) =>
    mul(load(x, [i, k]), load(y, [k, j])),
  );
  b.place = { node: 'n', op: 'Softmax' };
  const most = b.reduce('f32', [rows], [256], maximum('f32'), ([i], [k]) => load(product, [i, k]));
  const powers = b.map('f32', [rows, 256], ([i, j]) => exp(sub(load(product, [i, j]), load(most, [i]))));
  const total = b.reduce('f32', [rows], [256], sum('f32'), ([i], [k]) => load(powers, [i, k]));
  const result = b.map('f32', [rows, 256], ([i, j]) => div(load(powers, [i, j]), load(total, [i])));
  result.role = 'output';
  return { inputs: [x, y], outputs: [result], steps: b.steps, checks: [] };
}

function reported(fuse: boolean): KernelWhy[] {
  const device = namedDevice('x86-avx512')!;
  const told: KernelWhy[] = [];
  const tasks = schedule(program(4096), {
    device,
    lower: lowering,
    fuse,
    made: (_, how) => told.push(whyOf(how, device)),
  });
  expect(told.length).toBe(tasks.kernels.length);
  return told;
}

describe('reports of kernels', () => {
  it('say what is joined, where it stays and what that saves', () => {
    const told = reported(true);
    const joined = told.filter((k) => k.members.length > 1);
    expect(joined.flatMap((k) => k.members.map((m) => m.name)).join()).toContain('Softmax');
    for (const k of joined) {
      expect(k.inside.length).toBeGreaterThan(0);
      expect(namedDevice('x86-avx512')!.levels.map((l) => l.name)).toContain(k.level);
      expect(k.bytes.together).toBeLessThan(k.bytes.apart);
      expect(k.cycles.together).toBeLessThan(k.cycles.apart);
      expect(k.tiles.length).toBe(k.members.length);
    }
    for (const { next } of told.slice(0, -1)) {
      // A kernel that was left out does not cost less inside.
      if (next && next.together !== null) expect(next.together).toBeGreaterThanOrEqual(0.99 * next.apart);
    }
  });

  it('say nothing of neighbours and of savings where operators stay apart', () => {
    for (const k of reported(false)) {
      expect(k.members.length).toBe(1);
      expect(k.next).toBeNull();
      expect(k.bytes.together).toBe(k.bytes.apart);
    }
  });
});
