// What benchmarks compute from their times.
export const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)];

export const geomean = (xs: readonly number[]): number =>
  Math.exp(xs.reduce((sum, x) => sum + Math.log(x), 0) / xs.length);

/** Milliseconds that the work takes. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

/** Ranks from 0, equal values at the mean of theirs. */
function ranks(xs: readonly number[]): number[] {
  const below = (x: number): number => xs.filter((y) => y < x).length;
  return xs.map((x) => below(x) + (xs.filter((y) => y === x).length - 1) / 2);
}

/** Spearman's rank correlation of two series, -1 to 1; 0 where one of them does not vary. */
export function spearman(xs: readonly number[], ys: readonly number[]): number {
  const [a, b] = [ranks(xs), ranks(ys)];
  const mean = (xs.length - 1) / 2;
  const product = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((sum, x, i) => sum + (x - mean) * (q[i] - mean), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b)) || 0;
}
