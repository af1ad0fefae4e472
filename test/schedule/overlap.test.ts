// What tiles bring from memory: of windows that slide, what the tile before has not read; of narrow rows, whole lines.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, constant, load, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { Binding, canonicalNest, Pool } from '../../src/4-schedule/nest.ts';
import { profile } from '../../src/4-schedule/roller/profile.ts';
import { scalarTile } from '../../src/4-schedule/roller/tile.ts';
import { footprints } from '../../src/4-schedule/roller/traffic.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { cutPlan } from '../../src/4-schedule/welder/graph.ts';
import { planCost, sketch } from '../../src/4-schedule/welder/plan-cost.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { lowering } from '../../src/lowering.ts';
import { wholeNumbers } from './whole-numbers.ts';

const device = namedDevice('x86-zen5')!;

const [ROWS, CHANNELS] = [40, 64];

/** Rows of channels under windows of `size` positions, `step` apart. */
function windows(size: number, step: number) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [ROWS * step + size, CHANNELS], 'input');
  const w = b.constant(wholeNumbers([size, CHANNELS]));
  b.reduce('f32', [ROWS, CHANNELS], [size], sum('f32'), ([i, c], [r]) =>
    mul(load(x, [add(mul(i, constant('i32', step)), r), c]), load(w, [r, c])),
  );
  const pool = new Pool();
  const { op } = canonicalNest(b.steps[0] as TileOp, pool, new Binding(pool));
  const p = profile(op);
  const image = p.inner.findIndex((l) => l.axes.size === 3);
  return (extent: number, by: number): number => {
    const along = op.axes.find((a) => a.extent === extent)!;
    const tile = { ...scalarTile(p.spatial), extents: new Map([[along, by]]) };
    return footprints(p, tile, device)[image].fresh(along);
  };
}

describe('what a tile reads that the one before it did not', () => {
  it.each([
    [3, 1, 1, 1 / 3],
    [3, 1, 4, 4 / 6],
    [7, 2, 1, 2 / 7],
    [7, 2, 4, 8 / 13],
    [3, 3, 1, 1],
  ])('windows of %i, %i apart, %i in a tile: %f', (size, step, by, part) => {
    expect(windows(size, step)(ROWS, by)).toBeCloseTo(part, 12);
  });

  it('is all of it along channels', () => expect(windows(5, 1)(CHANNELS, 16)).toBe(1));
});

describe('rows that a tile reads', () => {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [512, 2000], 'input');
  b.map('f32', x.shape, ([i, j]) => mul(load(x, [i, j]), load(x, [i, j])));
  const op = b.steps[0] as TileOp;
  const cost = (axis: number, step: number, line: number): number => {
    const plan = cutPlan([op], () => true, new Map([[axis, step]]))!;
    const levels = device.levels.map((l) => ({ ...l, transaction: line }));
    return planCost([sketch(op)], plan, { ...device, levels });
  };

  it('come in whole lines where they end inside a dimension', () => {
    expect(cost(1, 20, 256)).toBeGreaterThan(1.2 * cost(1, 20, 64));
    expect(cost(1, 32, 128)).toBe(cost(1, 32, 64));
    expect(cost(0, 2, 256)).toBe(cost(0, 2, 64));
  });
});

describe('cuts along channels of an image that come first in memory', () => {
  it('are found though small steps of them fill no vector', () => {
    const b = new TileBuilder();
    const [channels, rows] = [672, 441];
    const x = newTensor('x', 'f32', [channels, rows], 'input');
    const w = b.constant(wholeNumbers([49, channels]));
    const turned = b.map('f32', [rows, channels], ([i, c]) => load(x, [c, i]));
    const out = b.reduce('f32', [rows - 48, channels], [49], sum('f32'), ([i, c], [r]) =>
      mul(load(turned, [add(i, r), c]), load(w, [r, c])),
    );
    out.role = 'output';
    const program = { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
    const { lanes } = schedule(program, { device, lower: lowering });
    expect(lanes[0]).toHaveLength(1);
  });
});
