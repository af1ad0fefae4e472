// Generators: the same seed gives the same numbers, and the numbers have the distribution asked for.
import { describe, expect, it } from 'vitest';
import { attr, type NodeCase, runNode } from './a-support.ts';

const SIZE = 4096;
const draw = async (node: NodeCase): Promise<number[]> => (await runNode(node))[0].values.map(Number);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const shaped = (op: string, seed: number, more: NodeCase['attrs'] = {}): NodeCase => ({
  op,
  inputs: [],
  attrs: { shape: attr.ints([SIZE]), seed: attr.float(seed), ...more },
});

describe('random generators', () => {
  it('repeat with one seed and differ with another', async () => {
    const [a, b, c] = [
      await draw(shaped('RandomUniform', 1)),
      await draw(shaped('RandomUniform', 1)),
      await draw(shaped('RandomUniform', 2)),
    ];
    expect(a).toEqual(b);
    expect(a.filter((x, i) => x === c[i]).length).toBeLessThan(4);
  });

  it('fill their interval evenly', async () => {
    const xs = await draw(shaped('RandomUniform', 3, { low: attr.float(-2), high: attr.float(6) }));
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...xs)).toBeLessThanOrEqual(6);
    expect(mean(xs)).toBeCloseTo(2, 0);
    const counts = new Array(8).fill(0);
    for (const x of xs) counts[Math.min(Math.floor(x + 2), 7)]++;
    for (const n of counts) expect(Math.abs(n - SIZE / 8)).toBeLessThan(100);
  });

  it('are normal', async () => {
    const xs = await draw(shaped('RandomNormal', 4, { mean: attr.float(3), scale: attr.float(2) }));
    const m = mean(xs);
    expect(m).toBeCloseTo(3, 0);
    expect(Math.sqrt(mean(xs.map((x) => (x - m) ** 2)))).toBeCloseTo(2, 0);
    expect(xs.filter((x) => Math.abs(x - 3) < 2).length / SIZE).toBeCloseTo(0.683, 1);
  });

  it('Bernoulli follows its probabilities', async () => {
    const p: NodeCase['inputs'] = [['f32', [SIZE], new Array(SIZE).fill(0.25)]];
    const xs = await draw({ op: 'Bernoulli', inputs: p, attrs: { seed: attr.float(5) } });
    expect(mean(xs)).toBeCloseTo(0.25, 1);
  });

  it('Multinomial follows its log-probabilities', async () => {
    const logits: NodeCase['inputs'] = [['f32', [1, 3], [Math.log(0.7), Math.log(0.1), Math.log(0.2)]]];
    const xs = await draw({
      op: 'Multinomial',
      inputs: logits,
      attrs: { seed: attr.float(6), sample_size: attr.int(SIZE) },
    });
    [0.7, 0.1, 0.2].forEach((p, k) => {
      expect(xs.filter((x) => x === k).length / SIZE).toBeCloseTo(p, 1);
    });
  });
});
