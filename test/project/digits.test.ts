// The example: drawings are reproducible, pictures survive their file, and the demo recognises.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawDigit, drawDigits, SIDE, seededRandom } from '../../examples/digits/draw.ts';
import { convolution, dense, maxPool, relu } from '../../examples/digits/layers.ts';
import { decodePgm, encodePgm, readPictures } from '../../examples/digits/pictures.ts';
import { ROOT } from '../../scripts/source.ts';

describe('drawn digits', () => {
  it('repeat for a seed and differ between drawings', () => {
    const [a, b] = [drawDigits(20, seededRandom(5)), drawDigits(20, seededRandom(5))];
    expect(a).toEqual(b);
    expect(a[0].digit).toBe(a[10].digit);
    expect(a[0].pixels).not.toEqual(a[10].pixels);
  });

  it('leave ink in the middle and paper at the rim', () => {
    const random = seededRandom(8);
    for (let digit = 0; digit < 10; digit++) {
      const { pixels } = drawDigit(digit, random);
      const inked = pixels.filter((v) => v > 0.5).length;
      expect(inked).toBeGreaterThan(25);
      expect(inked).toBeLessThan((SIDE * SIDE) / 2);
      expect(Math.max(...pixels.subarray(0, SIDE))).toBeLessThan(0.5);
    }
  });

  it('survive their file to one grey level', () => {
    const { pixels } = drawDigit(3, seededRandom(4));
    const back = decodePgm(encodePgm(pixels));
    const worst = Math.max(...pixels.map((v, i) => Math.abs(v - back[i])));
    expect(worst).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
    expect(new Set(readPictures().map((p) => p.digit)).size).toBe(10);
  });
});

describe('training layers', () => {
  const random = seededRandom(1);
  const layers = {
    convolution: [convolution(2, 3, 4, random), 2 * 16],
    dense: [dense(6, 5, random), 6],
    relu: [relu(), 12],
    maxPool: [maxPool(2, 4), 2 * 16],
  } as const;

  it.each(Object.keys(layers) as (keyof typeof layers)[])('%s has the gradient of its output', (name) => {
    const [layer, size] = layers[name];
    const x = new Float32Array(size).map(() => random() * 2 - 1);
    const factors = layer.forward(x).map(() => random() * 2 - 1);
    const loss = (): number => layer.forward(x).reduce((sum, y, i) => sum + y * factors[i], 0);
    layer.forward(x);
    const gradients = [layer.backward(factors), ...layer.parameters.map((p) => p.gradient)];
    const step = 2 ** -7;
    for (const [k, values] of [x, ...layer.parameters.map((p) => p.value)].entries()) {
      for (let i = 0; i < values.length; i++) {
        const kept = values[i];
        values[i] = kept + step;
        const above = loss();
        values[i] = kept - step;
        const slope = (above - loss()) / (2 * step);
        values[i] = kept;
        expect(gradients[k][i]).toBeCloseTo(slope, 3);
      }
    }
  });
});

describe('npm run demo', () => {
  it('recognises its pictures and at least 98 % of fresh ones', () => {
    const args = [join('node_modules', 'tsx', 'dist', 'cli.mjs'), 'examples/digits/demo.ts'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 120_000,
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/recognised +12 of the 12 pictures/);
    expect(Number(/accuracy +([\d.]+) %/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(98);
  }, 150_000);
});
