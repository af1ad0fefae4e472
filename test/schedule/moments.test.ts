// Squares about the means of parts mean the squares about any point that stands still: shown on random numbers far from
// zero and near it, beside sums in f64. Where rows are too large to stay near, the welder reads them once for both sums.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { constant, div, type Expr, index, load, mul, pow, sub } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { runsOf } from '../../src/3-tile/statements.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp, TileProgram } from '../../src/3-tile/tile-op.ts';
import { programProblems } from '../../src/3-tile/verify.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { ownMeans } from '../../src/4-schedule/welder/moments.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { elementCount, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { mulberry32 } from '../../src/support/random.ts';

type About = 'the mean' | 'a row of its own' | 'each element';

/** Rows in parts: their mean, and the mean of squares about something. */
function built(rows: number, parts: number, size: number, about: About, square = (d: Expr): Expr => mul(d, d)) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [rows, parts, size], 'input');
  const z = newTensor('z', 'f32', [rows, parts, size], 'input');
  const n = constant('f32', parts * size);
  const s = b.reduce('f32', [rows, parts], [size], sum('f32'), (ix, rx) => load(x, [...ix, ...rx]));
  const average = (t: TileTensor): TileTensor => {
    const part = ([i]: readonly Expr[], [p]: readonly Expr[]): Expr => load(t, [i, p]);
    return b.reduce('f32', [rows], [parts], sum('f32'), part, ([a]) => div(a, n));
  };
  const mean = average(s);
  const from = ([i, p]: readonly Expr[], [r]: readonly Expr[]): Expr => {
    if (about === 'the mean') return load(mean, [i]);
    return load(z, [i, p, about === 'a row of its own' ? index(0) : r]);
  };
  const q = b.reduce('f32', [rows, parts], [size], sum('f32'), (ix, rx) =>
    square(sub(load(x, [...ix, ...rx]), from(ix, rx))),
  );
  const v = average(q);
  v.role = 'output';
  mean.role = 'output';
  return { inputs: [x, z], outputs: [v, mean], steps: b.steps, checks: [] } satisfies TileProgram;
}

const feedOf = ({ inputs }: TileProgram, offset: number, scale: number) => {
  const next = mulberry32(elementCount(inputs[0].shape));
  return inputs.map((t) =>
    tensorOf(
      'f32',
      t.shape,
      Array.from({ length: elementCount(t.shape) }, () => offset + scale * (next() - 0.5)),
    ),
  );
};

/** Means of squares about the point, in f64. */
function wanted(program: TileProgram, feeds: ReturnType<typeof feedOf>, about: About): number[] {
  const [rows, parts, size] = program.inputs[0].shape;
  const [x, z] = feeds.map((f) => tensorValues(f).map(Number));
  const count = parts * size;
  return Array.from({ length: rows }, (_, i) => {
    const row = x.slice(i * count, (i + 1) * count);
    const mean = row.reduce((a, b) => a + b, 0) / count;
    const point = (k: number): number => (about === 'the mean' ? mean : z[i * count + k - (k % size)]);
    return row.reduce((a, b, k) => a + (b - point(k)) ** 2, 0) / count;
  });
}

const SIZES = [
  [1, 1, 5],
  [3, 7, 64],
  [2, 33, 31],
  [5, 16, 100],
] as const;
const SPREADS = [
  [0, 1],
  [100, 1],
  [-3000, 5],
] as const;

describe.each(['the mean', 'a row of its own'] as const)('squares about %s', (about) => {
  it.each(SIZES)('%d rows of %d parts of %d', (rows, parts, size) => {
    for (const square of [(d: Expr) => mul(d, d), (d: Expr) => pow(d, constant('f32', 2))]) {
      const program = built(rows, parts, size, about, square);
      const changed = { ...program, steps: ownMeans(program.steps, new Set(program.outputs)) };
      expect(changed.steps).not.toEqual(program.steps);
      expect(programProblems(changed)).toEqual([]);
      const names = (p: TileProgram): unknown[] => p.steps.map((s) => (s as TileOp).write);
      expect(new Set(names(changed))).toEqual(new Set(names(program)));
      for (const [offset, scale] of SPREADS) {
        const feeds = feedOf(program, offset, scale);
        const want = wanted(program, feeds, about);
        const [before, after] = [program, changed].map((p) => tensorValues(interpret(p, feeds)[0]).map(Number));
        const worst = (got: readonly number[]): number =>
          Math.max(...got.map((v, i) => Math.abs(v - want[i]) / want[i]));
        // Sums of n squares lose at most n units; a part's mean that is off by units of the offset counts by its distance.
        const bound = 2 * (parts + size + 8 + (4 * Math.abs(offset)) / scale) * 2 ** -24;
        expect(worst(after)).toBeLessThanOrEqual(bound);
        expect(worst(before)).toBeLessThanOrEqual(bound);
      }
    }
  });
});

describe('squares stay as they are', () => {
  const unchanged = (program: TileProgram, pinned = program.outputs): void =>
    expect(ownMeans(program.steps, new Set(pinned))).toEqual(program.steps);

  it('about a point that moves inside a part', () => unchanged(built(2, 4, 8, 'each element')));
  it('where others see the parts', () => {
    const program = built(2, 4, 8, 'the mean');
    unchanged(program, [...program.outputs, (program.steps[2] as TileOp).write]);
  });
  it('of other powers', () => unchanged(built(2, 4, 8, 'the mean', (d) => pow(d, constant('f32', 3)))));
});

describe('the welder', () => {
  it('reads a row once for both sums, where it is too large to stay near', () => {
    const program = built(1, 64, 512, 'the mean');
    const device = namedDevice('x86-avx2')!;
    const small = {
      ...device,
      levels: device.levels.map((l) => (l.name === 'memory' ? l : { ...l, bytes: l.bytes / 1024 })),
    };
    const tasks = schedule(program, { device: small, lower: lowering });
    const readers = tasks.lanes.flatMap(runsOf).filter(({ args }) => args.some((t) => t === program.inputs[0]));
    expect(readers.length).toBe(1);
    const feeds = feedOf(program, 10, 2);
    const [got, want] = [interpretTasks(tasks, feeds), interpret(program, feeds)].map((r) =>
      Number(tensorValues(r[0])[0]),
    );
    expect(Math.abs(got - want)).toBeLessThanOrEqual(want * 1e-5);
  });
});
