// Traffic of tile graphs against the figures that Welder's paper gives for one.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { div, exp, load, mul, sub } from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { cutPlan, single } from '../../src/4-schedule/welder/graph.ts';
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
