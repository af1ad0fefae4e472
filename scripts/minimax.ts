// Minimax fits by Remez exchange in big fixed point: P(x) or P(x)/Q(x) with Q(0) = 1, closest to a
// function under a weight. In: function, weight, interval, degrees. Out: coefficients and error.
import { absolute, cos, div, type Fix, int, mul, ONE, PI, ratio, toNumber } from './big-real.ts';

export interface Target {
  readonly f: (x: Fix) => Fix;
  /** The error is |fit - f| * weight. */
  readonly weight: (x: Fix) => Fix;
  readonly from: Fix;
  readonly to: Fix;
  /** What P and Q are polynomials of; x itself if absent. */
  readonly argument?: (x: Fix) => Fix;
  /** Degree of P, and of Q where the fit is rational. */
  readonly degree: number;
  readonly denominator?: number;
  /** Leading coefficients of P that are given. */
  readonly fixed?: readonly Fix[];
}

export interface Fit {
  readonly p: readonly Fix[];
  /** [1] for a polynomial. */
  readonly q: readonly Fix[];
  readonly error: number;
}

export function evaluate(c: readonly Fix[], x: Fix): Fix {
  let sum = 0n;
  for (let i = c.length - 1; i >= 0; i--) sum = mul(sum, x) + c[i];
  return sum;
}

/** Solves a x = b by elimination with row pivots. */
function solve(a: Fix[][], b: Fix[]): Fix[] {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (absolute(a[i][k]) > absolute(a[best][k])) best = i;
    [a[k], a[best], b[k], b[best]] = [a[best], a[k], b[best], b[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = div(a[i][k], a[k][k]);
      for (let j = k; j < n; j++) a[i][j] -= mul(factor, a[k][j]);
      b[i] -= mul(factor, b[k]);
    }
  }
  const x = new Array<Fix>(n).fill(0n);
  for (let k = n - 1; k >= 0; k--) {
    let sum = b[k];
    for (let j = k + 1; j < n; j++) sum -= mul(a[k][j], x[j]);
    x[k] = div(sum, a[k][k]);
  }
  return x;
}

const argument = (t: Target, x: Fix): Fix => t.argument?.(x) ?? x;

function powers(x: Fix, count: number): Fix[] {
  const out: Fix[] = [ONE];
  while (out.length < count) out.push(mul(out[out.length - 1], x));
  return out;
}

/** One fit that alternates between ±E/weight at the points; the denominator of the error is that of the fit `before`. */
function alternate(t: Target, points: readonly Fix[], before: readonly Fix[]): { p: Fix[]; q: Fix[]; level: Fix } {
  const fixed = t.fixed ?? [];
  const dq = t.denominator ?? 0;
  const rows: Fix[][] = [];
  const right: Fix[] = [];
  points.forEach((x, i) => {
    const z = argument(t, x);
    const pow = powers(z, Math.max(t.degree, dq) + 1);
    const spread = div(i % 2 === 0 ? evaluate(before, z) : -evaluate(before, z), t.weight(x));
    const target = t.f(x);
    const given = fixed.reduce((s, c, k) => s + mul(c, pow[k]), 0n);
    rows.push([...pow.slice(fixed.length, t.degree + 1), ...pow.slice(1, dq + 1).map((v) => -mul(v, target)), -spread]);
    right.push(target - given);
  });
  const solution = solve(rows, right);
  const np = t.degree + 1 - fixed.length;
  return {
    p: [...fixed, ...solution.slice(0, np)],
    q: [ONE, ...solution.slice(np, np + dq)],
    level: solution[solution.length - 1],
  };
}

/** Weighted least squares on the grid, the denominator divided out of the weights in a few rounds. */
function leastSquares(t: Target, grid: readonly Fix[]): { p: Fix[]; q: Fix[]; level: Fix } {
  const fixed = t.fixed ?? [];
  const dq = t.denominator ?? 0;
  const np = t.degree + 1 - fixed.length;
  let fit = { p: [] as Fix[], q: [ONE] as Fix[], level: 0n };
  for (let round = 0; round < 10; round++) {
    const n = np + dq;
    const a = Array.from({ length: n }, () => new Array<Fix>(n).fill(0n));
    const b = new Array<Fix>(n).fill(0n);
    for (const x of grid) {
      const z = argument(t, x);
      const pow = powers(z, Math.max(t.degree, dq) + 1);
      const w = div(t.weight(x), evaluate(fit.q, z));
      const f = t.f(x);
      const row = [...pow.slice(fixed.length, t.degree + 1), ...pow.slice(1, dq + 1).map((v) => -mul(v, f))];
      const scaled = row.map((v) => mul(v, w));
      const rest = mul(w, f - fixed.reduce((s, c, k) => s + mul(c, pow[k]), 0n));
      scaled.forEach((u, i) => {
        scaled.forEach((v, j) => {
          a[i][j] += mul(u, v);
        });
        b[i] += mul(u, rest);
      });
    }
    const x = solve(a, b);
    fit = { p: [...fixed, ...x.slice(0, np)], q: [ONE, ...x.slice(np)], level: 0n };
  }
  return fit;
}

/** The point of largest |error| in each run of equal sign, `count` of them around the largest. */
function extrema(error: (x: Fix) => Fix, grid: readonly Fix[], count: number): Fix[] {
  const found: { x: Fix; e: Fix }[] = [];
  for (const x of grid) {
    const e = error(x);
    const last = found[found.length - 1];
    if (last && last.e > 0n === e > 0n) {
      if (absolute(e) > absolute(last.e)) found[found.length - 1] = { x, e };
    } else found.push({ x, e });
  }
  while (found.length > count) {
    if (absolute(found[0].e) < absolute(found[found.length - 1].e)) found.shift();
    else found.pop();
  }
  return found.map((p) => p.x);
}

function chebyshevGrid(from: Fix, to: Fix, n: number): Fix[] {
  const middle = (from + to) >> 1n;
  const radius = (to - from) >> 1n;
  return Array.from({ length: n }, (_, i) => middle - mul(radius, cos((PI() * BigInt(2 * i + 1)) / BigInt(2 * n))));
}

function errorOf(t: Target, fit: { p: readonly Fix[]; q: readonly Fix[] }): (x: Fix) => Fix {
  return (x) => {
    const z = argument(t, x);
    return mul(div(evaluate(fit.p, z), evaluate(fit.q, z)) - t.f(x), t.weight(x));
  };
}

/** The best fit; `error` is its largest weighted error on a dense grid. */
export function minimax(t: Target): Fit {
  const unknowns = t.degree + 1 - (t.fixed?.length ?? 0) + (t.denominator ?? 0);
  const grid = chebyshevGrid(t.from, t.to, 24 * (unknowns + 1));
  // Off the centre, where weights may vanish.
  let points = chebyshevGrid(t.from, t.to - ((t.to - t.from) >> 5n), unknowns + 1);
  let fit: { p: Fix[]; q: Fix[]; level: Fix } = { p: [], q: [ONE], level: 0n };
  if (t.denominator) {
    fit = leastSquares(t, grid);
    const next = extrema(errorOf(t, fit), grid, unknowns + 1);
    if (next.length === unknowns + 1) points = next;
  }
  let worst = 0n;
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < (t.denominator ? 6 : 1); i++) fit = alternate(t, points, fit.q);
    const error = errorOf(t, fit);
    worst = grid.reduce((m, x) => (absolute(error(x)) > m ? absolute(error(x)) : m), 0n);
    if (worst - absolute(fit.level) < worst / 200n) break;
    const next = extrema(error, grid, unknowns + 1);
    if (next.length < unknowns + 1) break;
    points = next;
  }
  return { p: fit.p, q: fit.q, error: toNumber(worst) };
}

export const half = ratio(1, 2);
export { int };
