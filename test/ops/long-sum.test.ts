// Sums of very many elements keep their digits, on every target and however their axes lie.
import { describe, expect, it } from 'vitest';
import { attr, type Operand, runNode } from './a-support.ts';

const CASES: readonly (readonly [shape: readonly number[], axes: readonly number[]])[] = [
  [[518_400], [0]],
  [
    [2, 300, 301],
    [1, 2],
  ],
  [
    [400, 2, 400],
    [0, 2],
  ],
  [
    [2, 7, 104_729],
    [1, 2],
  ],
  [[104_729, 2], [0]],
];

/** The largest relative error of sums of n elements in parts of about √n, with room for a prime extent. */
const tolerance = (shape: readonly number[]): number => (shape.includes(104_729) ? 1e-4 : 2e-6);

describe('long sums', () => {
  it.each(CASES)('of %j along %j', async (shape, axes) => {
    const count = shape.reduce((n, d) => n * d, 1);
    const values = Array.from({ length: count }, (_, i) => Math.fround(0.1 + ((i * 7919) % 1000) / 5000));
    const x: Operand = ['f32', shape, values];
    const list: Operand = ['i64', [axes.length], axes.map(BigInt)];
    const node = { op: 'ReduceMean', inputs: [x, list], attrs: { keepdims: attr.int(0) }, known: [1] };
    const [mean] = await runNode(node);
    const sums = new Map<string, [number, number]>();
    values.forEach((v, i) => {
      const at = shape.map((d, k) => Math.floor(i / shape.slice(k + 1).reduce((n, e) => n * e, 1)) % d);
      const key = at.filter((_, k) => !axes.includes(k)).join();
      const [s, n] = sums.get(key) ?? [0, 0];
      sums.set(key, [s + v, n + 1]);
    });
    const expected = [...sums.values()].map(([s, n]) => s / n);
    mean.values.forEach((v, i) => {
      expect(Math.abs(Number(v) / expected[i] - 1)).toBeLessThan(tolerance(shape));
    });
  });
});
