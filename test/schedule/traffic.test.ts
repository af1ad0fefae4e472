// Traffic of tile graphs against the figures that Welder's paper gives for one, and of register tiles within an operator.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, div, exp, load, mul, sub } from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { Binding, canonicalNest, Pool } from '../../src/4-schedule/nest.ts';
import { ALONE } from '../../src/4-schedule/roller/pack.ts';
import { profile } from '../../src/4-schedule/roller/profile.ts';
import { scalarTile } from '../../src/4-schedule/roller/tile.ts';
import { footprints, tileTraffic } from '../../src/4-schedule/roller/traffic.ts';
import { cutPlan, single } from '../../src/4-schedule/welder/graph.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { farBytes } from '../../src/web/report/bytes.ts';

const MiB = 2 ** 20;

/** A[98304×64] · B[64×128], and softmax of its rows. */
function attentionLike() {
  const b = new TileBuilder();
  const [rows, columns, depth] = [98304, 128, 64];
  const left = newTensor('a', 'f32', [rows, depth], 'input');
  const right = newTensor('b', 'f32', [depth, columns], 'input');
  const product = b.reduce('f32', [rows, columns], [depth], sum('f32'), ([i, j], [k]) =>
    mul(load(left, [i, k]), load(right, [k, j])),
  );
  const most = b.reduce('f32', [rows], [columns], maximum('f32'), ([i], [k]) => load(product, [i, k]));
  const powers = b.map('f32', [rows, columns], ([i, j]) => exp(sub(load(product, [i, j]), load(most, [i]))));
  const total = b.reduce('f32', [rows], [columns], sum('f32'), ([i], [k]) => load(powers, [i, k]));
  const result = b.map('f32', [rows, columns], ([i, j]) => div(load(powers, [i, j]), load(total, [i])));
  return { ops: b.steps as TileOp[], shared: new Set([left, right, result]) };
}

describe('traffic', () => {
  // Welder (OSDI 2023) §2.
  it.each([
    [4, 840],
    [16, 264],
  ])('of a product with row softmax at %i rows per tile', (step, mebibytes) => {
    const { ops, shared } = attentionLike();
    const plan = cutPlan(ops, (t) => shared.has(t), new Map([[0, step]]));
    expect(plan?.scratch.size).toBe(4);
    expect(farBytes(plan!) / MiB).toBeCloseTo(mebibytes, 6);
  });

  it('of the same operators apart is that of every tensor between them as well', () => {
    const { ops } = attentionLike();
    const apart = ops.reduce((bytes, op) => bytes + farBytes(single(op)), 0);
    const [a, b, wide, narrow] = [98304 * 64, 64 * 128, 98304 * 128, 98304].map((n) => 4 * n);
    expect(apart).toBe(a + b + 7 * wide + 4 * narrow);
  });
});

describe('traffic of register tiles', () => {
  const device = namedDevice('wasm-simd128-fma')!;
  /** Cycles of one tile of 4 channels and 4 columns of a depthwise 3×3 window, along the columns, by the loop around. */
  const cycles = (width: number, channels: number): ((around: number) => number) => {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [width + 2, width + 2, channels], 'input');
    const w = newTensor('w', 'f32', [3, 3, channels], 'input');
    b.reduce('f32', [width, width, channels], [3, 3], sum('f32'), ([i, j, c], [r, s]) =>
      mul(load(x, [add(i, r), add(j, s), c]), load(w, [r, s, c])),
    );
    const pool = new Pool();
    const { op } = canonicalNest(b.steps[0] as TileOp, pool, new Binding(pool));
    const [, columns, channel] = op.axes;
    const extents = new Map([
      [columns, 4],
      [channel, 4],
    ]);
    const tile = { ...scalarTile(op.axes), vector: channel, lanes: 4, extents };
    const p = profile(op, ALONE);
    return (around) => tileTraffic(footprints(p, tile, device), tile, [op.axes[around], columns], device);
  };

  it('counts lines once that the next run along the innermost loop takes the rest of', () => {
    const of = cycles(56, 16);
    // A quarter of a line each; weights, which stand still along the columns, cost nothing.
    expect(of(2) / of(0)).toBeCloseTo(1 / 4, 6);
  });

  it.each([
    { what: 'more than the first level holds', width: 112, channels: 16 },
    { what: 'columns that meet in one set', width: 56, channels: 1024 },
  ])('counts them every time with $what', ({ width, channels }) => {
    const of = cycles(width, channels);
    expect(of(2)).toBe(of(0));
  });
});
