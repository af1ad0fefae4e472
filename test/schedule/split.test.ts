// A reduction in parts means the whole one: exactly for whole numbers, extremes and their places, to rounding for floats,
// at lengths that divide the axis and that do not. The welder takes parts where tiles feed them.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, cast, constant, type Expr, index, load, max, mul } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { all, any, maximum, minimum, product, sum } from '../../src/3-tile/monoids.ts';
import { runsOf } from '../../src/3-tile/statements.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { Monoid, TileOp, TileProgram } from '../../src/3-tile/tile-op.ts';
import { programProblems } from '../../src/3-tile/verify.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { split } from '../../src/4-schedule/welder/split.ts';
import { namedDevice } from '../../src/devices/device.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { elementCount, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { argExtreme } from '../../src/ops/extremes.ts';
import { mulberry32 } from '../../src/support/random.ts';

const KINDS: readonly (readonly [string, DType, Monoid])[] = [
  ['sums of floats', 'f32', sum('f32')],
  ['sums of whole numbers', 'i32', sum('i32')],
  ['products', 'i32', product('i32')],
  ['extremes', 'f32', maximum('f32')],
  ['least elements', 'i64', minimum('i64')],
  ['conditions that all hold', 'bool', all()],
  ['conditions that hold anywhere', 'bool', any()],
  ['places of the first extreme', 'f32', argExtreme('f32', 'max', false, 'i32')],
  ['places of the last extreme', 'i32', argExtreme('i32', 'min', true, 'i32')],
];
const SHAPES = [
  [[7], [12]],
  [
    [3, 5],
    [9, 4],
  ],
  [[], [23]],
  [
    [2, 1],
    [1, 10, 3],
  ],
] as const;

/** The reduction of few different values, so that extremes have equals. */
function built(dtype: DType, monoid: Monoid, outer: readonly number[], inner: readonly number[]): TileProgram {
  const b = new TileBuilder();
  const x = newTensor('x', dtype, [...outer, ...inner], 'input');
  const arg = monoid.state.length > 1;
  const elems = (ix: readonly Expr[], rx: readonly Expr[]): Expr[] => {
    const place = rx.reduce((e, r, d) => add(mul(e, index(inner[d])), r));
    const value = load(x, [...ix, ...rx]);
    return arg ? [value, place, constant('bool', true)] : [value];
  };
  const y = b.reduce(arg ? 'i32' : dtype, outer, inner, monoid, elems, (s) => (arg ? s[1] : s[0]));
  y.role = 'output';
  return { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
}

describe.each(KINDS)('%s in parts', (_, dtype, monoid) => {
  it.each(SHAPES)('over %j of each of %j', (outer, inner) => {
    const program = built(dtype, monoid, outer, inner);
    const op = program.steps[0] as TileOp;
    const { shape } = program.inputs[0];
    const next = mulberry32(elementCount(shape));
    const draw = (): number => (dtype === 'bool' ? Number(next() < 0.8) : Math.floor(7 * next()) - 3);
    for (let length = 1; length < Math.max(...inner); length++) {
      const values = Array.from({ length: elementCount(shape) }, draw).map((v) => (dtype === 'i64' ? BigInt(v) : v));
      // Sums of few sevenths round; with whole numbers they are exact.
      const feed = tensorOf(
        dtype,
        shape,
        monoid.name === 'add' && dtype === 'f32' ? values.map((v) => Number(v) / 7) : values,
      );
      const made = split(op, length)!;
      const steps = [...made.parts, made.merged];
      expect(made.parts.length).toBe(monoid.state.length * (inner.find((n) => n > 1)! % length > 0 ? 2 : 1));
      expect(programProblems({ ...program, steps })).toEqual([]);
      const [want, got] = [program, { ...program, steps }].map((p) => tensorValues(interpret(p, [feed])[0]));
      if (dtype !== 'f32' || monoid.name !== 'add') expect(got, `parts of ${length}`).toEqual(want);
      const size = elementCount(inner);
      // Either sum is off by at most (n − 1)·u·Σ|x|.
      for (const [i, v] of got.entries())
        expect(Math.abs(Number(v) - Number(want[i]))).toBeLessThanOrEqual(2 * size * 2 ** -24 * size * (3 / 7));
    }
  });

  it('are none where one part would be all, or states cannot be joined', () => {
    const op = built(dtype, monoid, [4], [6]).steps[0] as TileOp;
    expect(split(op, 6)).toBeNull();
    expect(split({ ...op, reduce: { ...op.reduce!, monoid: { ...monoid, merge: null } } }, 2)).toBeNull();
  });
});

describe('the welder', () => {
  it('folds rows while they are near, where their map is too large to be', () => {
    const b = new TileBuilder();
    const [h, w, c] = [256, 64, 32];
    const x = newTensor('x', 'f32', [h, w, c], 'input');
    const tap = ([i, j, k]: readonly Expr[], [r]: readonly Expr[]): Expr =>
      mul(load(x, [i, j, k]), cast('f32', add(r, index(1))));
    const y = b.reduce('f32', [h, w, c], [3], sum('f32'), tap);
    const z = b.map('f32', [h, w, c], (ix) => max(load(y, ix), constant('f32', 0)));
    const mean = b.reduce('f32', [c], [h, w], sum('f32'), ([k], [i, j]) => load(z, [i, j, k]));
    const scaled = b.map('f32', [h, w, c], ([i, j, k]) => mul(load(z, [i, j, k]), load(mean, [k])));
    scaled.role = 'output';
    const program = { inputs: [x], outputs: [scaled], steps: b.steps, checks: [] };
    const tasks = schedule(program, { device: namedDevice('x86-avx2')!, lower: lowering });
    const parts = tasks.lanes.flatMap(runsOf).filter(({ args }) => args.some((t) => t.name === 'part'));
    expect(parts.length).toBeGreaterThan(1);
    const next = mulberry32(3);
    const feed = tensorOf(
      'f32',
      x.shape,
      Array.from({ length: h * w * c }, () => Math.floor(3 * next()) - 1),
    );
    expect(tensorValues(interpretTasks(tasks, [feed])[0])).toEqual(tensorValues(interpret(program, [feed])[0]));
  });
});
