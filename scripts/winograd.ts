// `npx tsx scripts/winograd.ts` regenerates src/4-schedule/gen/filters.ts: the matrices of minimal
// filtering for windows of three taps, and prints how the rounding error depends on the points that they
// interpolate at. The points of the table are small fractions, so that products are exact in f32.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mulberry32 } from '../src/support/random.ts';

type Matrix = readonly (readonly number[])[];

/**
 * F(m×m, 3×3): a tile d under the window g has the results A((B d Bᵀ) ∘ (G g Gᵀ))Aᵀ, with A the product of `output`
 * and B that of `input`, chains of sparse matrices that are applied first to last.
 */
export interface Filter {
  readonly m: number;
  readonly input: readonly Matrix[];
  readonly window: Matrix;
  readonly output: readonly Matrix[];
}

const POINTS: readonly (readonly number[])[] = [[1], [5 / 8, 3 / 2]];

/** Coefficients of Π (x - p), lowest power first, with `length` of them. */
function polynomial(roots: readonly number[], length: number): number[] {
  const none = new Array<number>(length - 1).fill(0);
  return roots.reduce((poly, p) => poly.map((c, k) => (poly[k - 1] ?? 0) - p * c), [1, ...none]);
}

/** Toom and Cook's matrices for interpolation at 0, at plus and minus each of `points`, and at infinity. */
export function filter(points: readonly number[]): Filter {
  const at = [0, ...points.flatMap((p) => [p, -p])];
  const n = at.length + 1;
  const m = n - 2;
  const row = (p: number): number[] =>
    polynomial(
      at.filter((q) => q !== p),
      n,
    );
  const parity = (xs: readonly number[], rest: number): number[] => xs.map((x, k) => (k % 2 === rest ? x : 0));
  const unit = (i: number, j = i, sign = 1): number[] =>
    Array.from({ length: n }, (_, k) => (k === i ? 1 : k === j ? sign : 0));
  // Rows of opposite points are the sum and the difference of the row's even and odd parts.
  const parts = [row(0), ...points.flatMap((p) => [parity(row(p), 0), parity(row(p), 1)]), polynomial(at, n)];
  const joined = [
    unit(0),
    ...points.flatMap((_, i) => [unit(2 * i + 1, 2 * i + 2), unit(2 * i + 1, 2 * i + 2, -1)]),
    unit(n - 1),
  ];
  const scale = (p: number): number => at.reduce((s, q) => (q === p ? s : s * (p - q)), 1);
  const powers = Array.from({ length: m }, (_, k) => [
    k === 0 ? 1 : 0,
    ...points.flatMap((p) => (k % 2 === 0 ? [p ** k, 0] : [0, p ** k])),
    k === m - 1 ? 1 : 0,
  ]);
  return {
    m,
    input: [parts, joined],
    window: [...at.map((p) => [1, p, p * p].map((x) => x / scale(p))), [0, 0, 1]],
    output: [joined, powers],
  };
}

const applied = (chain: readonly Matrix[], x: readonly number[], round: (v: number) => number): readonly number[] =>
  chain.reduce<readonly number[]>(
    (v, matrix) => matrix.map((r) => r.reduce((s, c, k) => (c === 0 ? s : round(s + round(c * v[k]))), 0)),
    x,
  );
const transposed = (x: Matrix): Matrix => x[0].map((_, k) => x.map((r) => r[k]));

/** The chain on both sides of a matrix. */
export function both(chain: readonly Matrix[], x: Matrix, round = (v: number): number => v): Matrix {
  const once = x.map((r) => applied(chain, r, round));
  return transposed(transposed(once).map((r) => applied(chain, r, round)));
}

/** Largest error of a result in f32, relative to its sum of magnitudes, over random tiles of so many channels. */
export function rounding({ m, input, window, output }: Filter, channels: number, tiles: number): number {
  const next = mulberry32(7);
  const random = (n: number): Matrix =>
    Array.from({ length: n }, () => Array.from({ length: n }, () => Math.fround(2 * next() - 1)));
  let worst = 0;
  for (let t = 0; t < tiles; t++) {
    const sums = window.map((r) => window.map(() => 0 * r[0]));
    const exact = Array.from({ length: m }, () => Array.from({ length: m }, () => [0, 0]));
    for (let c = 0; c < channels; c++) {
      const [d, g] = [random(window.length), random(3)];
      const v = both(input, d, Math.fround);
      const u = both([window], g);
      for (const [i, row] of sums.entries()) {
        for (const j of row.keys()) row[j] = Math.fround(row[j] + v[i][j] * Math.fround(u[i][j]));
      }
      for (let k = 0; k < m * m * 9; k++) {
        const [i, j, p, q] = [Math.floor(k / 9 / m), Math.floor(k / 9) % m, Math.floor((k % 9) / 3), k % 3];
        const term = d[i + p][j + q] * g[p][q];
        exact[i][j][0] += term;
        exact[i][j][1] += Math.abs(term);
      }
    }
    const got = both(output, sums, Math.fround);
    for (const [i, row] of exact.entries()) {
      for (const [j, [want, size]] of row.entries()) worst = Math.max(worst, Math.abs(got[i][j] - want) / size);
    }
  }
  return worst;
}

/** The text of the table. */
export function generate(): string {
  const text = POINTS.map((points) => {
    const { m, input, window, output } = filter(points);
    const matrix = (rows: Matrix): string => `[${rows.map((r) => `[${r.join(', ')}]`).join(', ')}]`;
    const chain = (all: readonly Matrix[]): string => `[\n${all.map((x) => `      ${matrix(x)},\n`).join('')}    ]`;
    return `  {\n    m: ${m},\n    input: ${chain(input)},\n    window: ${matrix(window)},\n    output: ${chain(output)},\n  },\n`;
  });
  return [
    '// Generated: run `npx tsx scripts/winograd.ts` to write it again; do not edit. F(m×m, 3×3): from a tile d and a',
    '// window g to m×m results. Both sides of d are multiplied by the matrices of `input`, first to last, both sides',
    '// of g by `window`; both sides of their element-wise product, summed over channels, by those of `output`.',
    '',
    'export type Matrix = readonly (readonly number[])[];',
    'export type Chain = readonly Matrix[];',
    'export type Filter = Readonly<{ m: number; input: Chain; window: Matrix; output: Chain }>;',
    '',
    `export const FILTERS: readonly Filter[] = [\n${text.join('')}];`,
    '',
  ].join('\n');
}

/** The file that holds the table. */
export const TABLE = join(fileURLToPath(import.meta.url), '../../src/4-schedule/gen/filters.ts');

function main(): void {
  const eighths = Array.from({ length: 15 }, (_, i) => (i + 2) / 8);
  const pairs = eighths.flatMap((a) => eighths.filter((b) => b > a).map((b) => [a, b]));
  const ranked = [[1], ...pairs].map((points) => ({ points, error: rounding(filter(points), 64, 20) }));
  ranked.sort((a, b) => a.error - b.error);
  for (const { points, error } of ranked.slice(0, 12))
    console.log(`${points.join(', ').padEnd(14)} ${(error * 2 ** 24).toFixed(2)} × 2^-24`);
  writeFileSync(TABLE, generate());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
