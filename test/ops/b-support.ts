// Shared by tests of network operators: seeded operands, plain-loop references and closeness.
import { expect } from 'vitest';
import type { Scalar } from '../../src/ir/tensor.ts';
import type { Operand, Result } from './a-support.ts';

/** Uniform numbers in [-1, 1) from a seed (mulberry32). */
export function numbers(seed: number, count: number): number[] {
  let a = seed;
  return Array.from({ length: count }, () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.fround((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * 2 - 1);
  });
}

export const product = (shape: readonly number[]): number => shape.reduce((p, d) => p * d, 1);

/** A random f32 operand. */
export const random = (seed: number, ...shape: number[]): Operand => ['f32', shape, numbers(seed, product(shape))];

export function expectClose(got: Result, shape: readonly number[], want: readonly Scalar[], tolerance = 1e-5): void {
  expect(got.shape).toEqual(shape);
  expect(got.values).toHaveLength(want.length);
  for (const [i, w] of want.entries()) {
    const difference = Math.abs(Number(got.values[i]) - Number(w));
    if (Number.isNaN(Number(w))) expect(got.values[i], `element ${i}`).toBeNaN();
    else
      expect(difference, `element ${i}: ${got.values[i]} for ${w}`).toBeLessThanOrEqual(
        tolerance * Math.max(1, Math.abs(Number(w))),
      );
  }
}

/** Every index tuple below the extents, last axis fastest. */
export function* indices(extents: readonly number[]): Generator<number[]> {
  const total = product(extents);
  for (let k = 0; k < total; k++) {
    let rest = k;
    yield extents.map((_, i) => {
      const size = product(extents.slice(i + 1));
      const at = Math.floor(rest / size);
      rest %= size;
      return at;
    });
  }
}

/** Row-major element of an operand. */
export function at(t: Operand, ix: readonly number[]): number {
  return Number(t[2][ix.reduce((flat, i, k) => flat * t[1][k] + i, 0)]);
}
