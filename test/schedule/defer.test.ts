// Normalisation behind sums means what normalisation before them means, on random numbers and where rows are large, empty
// or no numbers; and stays before them where a sum could overflow that did not, or where something else reads it.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, constant, div, type Expr, eq, exp, load, mul, pow, select, sqrt, sub } from '../../src/3-tile/expr.ts';
import { interpret } from '../../src/3-tile/interpret.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { deferredScales } from '../../src/4-schedule/welder/defer.ts';
import { fuse } from '../../src/4-schedule/welder/fuse.ts';
import { elementCount, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';

type Make = (b: TileBuilder, input: (...shape: number[]) => TileTensor) => TileTensor[];
type Value = (at: number, tensor: number) => number;

const [ROWS, LENGTH, WIDTH] = [6, 20, 5];
const f32 = (x: number): Expr => constant('f32', x);
const next = mulberry32(11);
const random: Value = () => 4 * next() - 2;
const given = (shape: readonly number[], value: Value, t: number): TensorData =>
  tensorOf(
    'f32',
    shape,
    Array.from({ length: elementCount(shape) }, (_, i) => value(i, t)),
  );
const weights = (...shape: number[]): TileTensor =>
  newTensor('w', 'f32', shape, 'constant', { data: given(shape, random, 0) });

/** Runs the operators as they are and with factors behind sums; how many operators are gone. */
function gone(make: Make, value: Value = random): { gone: number; got: number[]; want: number[] } {
  const b = new TileBuilder();
  const inputs: TileTensor[] = [];
  const outputs = make(b, (...shape) => {
    inputs.push(newTensor('x', 'f32', shape, 'input'));
    return inputs.at(-1)!;
  });
  for (const t of outputs) t.role = 'output';
  const program: TileProgram = { inputs, outputs, steps: b.steps, checks: [] };
  const joined = fuse(program, (s) => s);
  const moved = fuse(program, deferredScales);
  const feeds = inputs.map((t, i) => given(t.shape, value, i));
  const [want, got] = [program, moved].map((p) => interpret(p, feeds).flatMap((t) => tensorValues(t) as number[]));
  return { gone: joined.steps.length - moved.steps.length, got, want };
}

/** What rounding makes of either: the summands are at most 4 · LENGTH together, and each is rounded a few times. */
const BOUND = 2 * (LENGTH + 4) * 2 ** -24 * 4 * LENGTH;

function expectClose({ got, want }: ReturnType<typeof gone>): void {
  for (const [i, x] of got.entries()) {
    if (Number.isFinite(want[i])) expect(Math.abs(x - want[i]), `at ${i}`).toBeLessThan(BOUND);
    else expect(x, `at ${i}`).toBe(want[i]);
  }
}

/** Exponentials below their extreme over their total, and 0 where a row has none. */
function shares(b: TileBuilder, x: TileTensor, less = true): TileTensor {
  const [rows, n] = x.shape;
  const most = b.reduce('f32', [rows], [n], maximum('f32'), ([i], [k]) => load(x, [i, k]));
  const e = b.map('f32', [rows, n], ([i, k]) => exp(less ? sub(load(x, [i, k]), load(most, [i])) : load(x, [i, k])));
  const each = ([s]: readonly Expr[]): Expr => div(f32(1), s);
  const total = b.reduce('f32', [rows], [n], sum('f32'), ([i], [k]) => load(e, [i, k]), each);
  const none = (i: Expr): Expr => eq(load(most, [i]), f32(-Infinity));
  return b.map('f32', [rows, n], ([i, k]) => select(none(i), f32(0), mul(load(e, [i, k]), load(total, [i]))));
}

/** Rows over their root mean square, times a weight per column. */
function normal(b: TileBuilder, x: TileTensor, epsilon: number, weight: TileTensor, square = true): TileTensor {
  const [rows, n] = x.shape;
  const squared = (e: Expr): Expr => (square ? mul(e, e) : pow(e, f32(2)));
  const root = ([s]: readonly Expr[]): Expr => div(f32(1), sqrt(add(div(s, f32(n)), f32(epsilon))));
  const scale = b.reduce('f32', [rows], [n], sum('f32'), ([i], [k]) => squared(load(x, [i, k])), root);
  return b.map('f32', [rows, n], ([i, k]) => mul(load(weight, [k]), mul(load(x, [i, k]), load(scale, [i]))));
}

const product = (b: TileBuilder, x: TileTensor, y: TileTensor): TileTensor =>
  b.reduce('f32', [x.shape[0], y.shape[1]], [x.shape[1]], sum('f32'), ([i, j], [k]) =>
    mul(load(x, [i, k]), load(y, [k, j])),
  );

const attention: Make = (b, input) => [product(b, shares(b, input(ROWS, LENGTH)), input(LENGTH, WIDTH))];
const projections: Make = (b, input) => {
  const x = normal(b, input(ROWS, LENGTH), 1e-5, weights(LENGTH));
  return [product(b, x, weights(LENGTH, WIDTH)), product(b, x, weights(LENGTH, 2 * WIDTH))];
};

describe('a factor that stands still along what is summed', () => {
  it.each([
    ['the total of a softmax', attention],
    ['the root mean square before projections', projections],
    [
      'the same with powers',
      (b, input) => [product(b, normal(b, input(ROWS, LENGTH), 1e-6, weights(LENGTH), false), weights(LENGTH, WIDTH))],
    ],
  ] satisfies [string, Make][])('goes behind the sum: %s', (_, make) => {
    for (let round = 0; round < 8; round++) {
      const result = gone(make);
      expect(result.gone).toBe(1);
      expectClose(result);
    }
  });

  it('gives zeros, infinities and no numbers where rows did', () => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, 0, 2 ** 60, 2 ** -120, Number.NEGATIVE_INFINITY];
    const rows: Value = (at, t) => (t === 0 ? special[Math.floor(at / LENGTH)] : random(at, t));
    for (const make of [attention, projections]) expectClose(gone(make, rows));
    const cells: Value = (at, t) => (t === 0 && at % LENGTH === 3 ? special[Math.floor(at / LENGTH)] : random(at, t));
    for (const make of [attention, projections]) expectClose(gone(make, cells));
  });

  it.each([
    [
      'what is not below its extreme',
      (b, input) => [product(b, shares(b, input(ROWS, LENGTH), false), input(LENGTH, WIDTH))],
    ],
    [
      'a square beside what is no constant',
      (b, input) => [product(b, normal(b, input(ROWS, LENGTH), 1e-5, weights(LENGTH)), input(LENGTH, WIDTH))],
    ],
    [
      'a factor without bound',
      (b, input) => [product(b, normal(b, input(ROWS, LENGTH), 0, weights(LENGTH)), weights(LENGTH, WIDTH))],
    ],
    [
      'sums over other axes',
      (b, input) => {
        const x = normal(b, input(LENGTH, ROWS), 1e-5, weights(ROWS));
        return [
          b.reduce('f32', [ROWS], [LENGTH], sum('f32'), ([i], [k]) => mul(load(x, [k, i]), load(weights(LENGTH), [k]))),
        ];
      },
    ],
    [
      'a tensor that others see',
      (b, input) => {
        const x = shares(b, input(ROWS, LENGTH));
        return [x, product(b, x, input(LENGTH, WIDTH))];
      },
    ],
    [
      'an extreme of the shares',
      (b, input) => {
        const x = shares(b, input(ROWS, LENGTH));
        return [b.reduce('f32', [ROWS], [LENGTH], maximum('f32'), ([i], [k]) => load(x, [i, k]))];
      },
    ],
    [
      'many more sums than elements',
      (b, input) => [product(b, shares(b, input(ROWS, LENGTH)), input(LENGTH, 20 * LENGTH))],
    ],
  ] satisfies [string, Make][])('stays where it is: %s', (_, make) => {
    const result = gone(make);
    expect(result.gone).toBe(0);
    expect(result.got).toEqual(result.want);
  });
});
