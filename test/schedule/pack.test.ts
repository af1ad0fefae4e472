// Matrices that are no constants: a large one is rearranged into panels before a product, a small one is read in place,
// and an operator reads what it writes where it lies.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { load, mul } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { chooseTile, rankedTiles } from '../../src/4-schedule/roller/choose.ts';
import { rearranged } from '../../src/4-schedule/roller/pack.ts';
import type { Tile } from '../../src/4-schedule/roller/tile.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { dtypeInfo } from '../../src/ir/dtype.ts';
import { type Places, scattered, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';

/** The product of two inputs on a device: names of its kernels in order, and its results beside the interpreter's. */
function product(m: number, k: number, n: number, device: string, transposed = false) {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [m, k], 'input');
  const w = newTensor('w', 'f32', transposed ? [n, k] : [k, n], 'input');
  const out = b.reduce('f32', [m, n], [k], sum('f32'), ([i, j], [r]) =>
    mul(load(x, [i, r]), load(w, transposed ? [j, r] : [r, j])),
  );
  const program = { inputs: [x, w], outputs: [out], steps: b.steps, checks: [] };
  const tasks = schedule(program, { device: namedDevice(device)!, lower: lowering });
  verifyTaskProgram(tasks);
  const feeds = [x, w].map(({ shape }) => {
    const count = shape[0] * shape[1];
    return tensorOf(
      'f32',
      shape,
      Array.from({ length: count }, (_, i) => ((i * 37) % 11) - 5),
    );
  });
  const values = (run: typeof interpret | typeof interpretTasks, of: never): unknown => tensorValues(run(of, feeds)[0]);
  const names = tasks.lanes[0].map((t) => (t.kind === 'run' ? t.kernel.name : t.kind));
  return { names, got: values(interpretTasks, tasks as never), want: values(interpret, program as never) };
}

describe.each(['x86-avx512-vnni', 'wasm-simd128'])('a product of two inputs on %s', (device) => {
  it.each([
    ['are pages apart', 16, 1024],
    ['meet in few sets', 64, 768],
  ])('packs the right one where its rows %s', (_, k, n) => {
    const { names, got, want } = product(64, k, n, device);
    expect(names).toContain('pack');
    expect(got).toEqual(want);
  });

  it.each([
    [64, 16, 48, false],
    [64, 32, 768, false],
    [8, 16, 1024, false],
    [64, 16, 1024, true],
  ])('reads it in place: %i × %i × %i, transposed %s', (m, k, n, transposed) => {
    const { names, got, want } = product(m, k, n, device, transposed);
    expect(names).not.toContain('pack');
    expect(got).toEqual(want);
  });
});

describe('a constant matrix times a vector, several rows at a time across lanes', () => {
  const device = namedDevice('wasm-simd128-fma')!;
  const [k, n] = [2048, 64];
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [1, k], 'input');
  const w = b.constant(
    tensorOf(
      'f32',
      [k, n],
      [...Array(k * n).keys()].map((i) => ((i * 37) % 11) - 5),
    ),
  );
  const out = b.reduce('f32', [1, n], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
  const program = { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
  const choose: typeof chooseTile = (op, d, origins) => {
    const several = ({ tile }: { tile: Tile }) => tile.vector?.role === 'reduce' && tile.extents.get(op.axes[0]) === 4;
    return rankedTiles(op, d, origins).find(several)!.tile;
  };
  const tasks = schedule(program, { device, lower: lowering, choose });

  it('is packed so that its rows are one stream', () => {
    const [{ shape }] = tasks.constants;
    const lanes = shape.at(-1)!;
    expect(shape).toEqual([n / 4, k / lanes, 4, lanes]);
  });

  it('gives the same sums', () => {
    verifyTaskProgram(tasks);
    const feeds = [
      tensorOf(
        'f32',
        [1, k],
        [...Array(k).keys()].map((i) => (i % 7) - 3),
      ),
    ];
    expect(tensorValues(interpretTasks(tasks, feeds)[0])).toEqual(tensorValues(interpret(program, feeds)[0]));
  });
});

describe('rows that lie a multiple of a page apart', () => {
  /** Rows of the left matrix that the first tile holds at once. */
  const rowsOf = (k: number): number => {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [960, k], 'input');
    const w = b.constant(
      tensorOf(
        'f32',
        [k, 256],
        [...Array(k * 256).keys()].map((i) => i % 7),
      ),
    );
    const out = b.reduce('f32', [960, 256], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
    let rows = 0;
    const choose: typeof chooseTile = (op, d, origins) => {
      const tile = chooseTile(op, d, origins);
      rows = tile.extents.get(op.axes[0]) ?? 1;
      return tile;
    };
    const program = { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
    schedule(program, { device: namedDevice('x86-zen4')!, lower: lowering, choose });
    return rows;
  };

  it('or nearly are packed in whole tiles where memory bounds', () => {
    const b = new TileBuilder();
    const [k, n] = [1000, 2048];
    const x = newTensor('x', 'f32', [1, k], 'input');
    const w = b.constant(tensorOf('f32', [k, n], new Array<number>(k * n).fill(1)));
    const out = b.reduce('f32', [1, n], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
    const program = { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
    const { constants } = schedule(program, { device: namedDevice('wasm-simd128-fma')!, lower: lowering });
    expect(constants.map((c) => c.shape.length)).toEqual([4]);
  });

  it('are as many in a tile as the first level has ways', () => {
    expect(rowsOf(2048)).toBeLessThanOrEqual(8);
    expect(rowsOf(2000)).toBeGreaterThan(8);
  });
});

describe('a constant that is written in any order', () => {
  const numbered = (to: Uint8Array, [rows, columns]: Places): void => {
    const values = new Float32Array(to.buffer, to.byteOffset, to.length / 4);
    rows.forEach((r, i) => {
      columns.forEach((c, j) => {
        values[r + c] = 12 * i + j;
      });
    });
  };
  const made = scattered('f32', [8, 12], numbered);
  const plain = tensorOf('f32', [8, 12], tensorValues(made));

  it.each([
    { name: 'panels', start: 0, extents: [3, 8, 4], strides: [4, 12, 1], direct: true },
    { name: 'blocks of both', start: 0, extents: [2, 3, 1, 4, 4], strides: [48, 4, 5, 12, 1], direct: true },
    { name: 'a transposition', start: 0, extents: [12, 8], strides: [1, 12], direct: true },
    { name: 'a part', start: 12, extents: [4, 12], strides: [12, 1], direct: false },
    { name: 'elements taken twice', start: 0, extents: [2, 8, 12], strides: [0, 12, 1], direct: false },
    { name: 'a cut across rows', start: 0, extents: [4, 24], strides: [24, 1], direct: false },
  ])('is written as $name', ({ start, extents, strides, direct }) => {
    const orders: unknown[] = [];
    const counted = scattered('f32', [8, 12], (to, places) => {
      orders.push(places.map((p) => [...p]));
      numbered(to, places);
    });
    const recipe = { start, extents, strides };
    expect(tensorValues(rearranged(counted, recipe))).toEqual(tensorValues(rearranged(plain, recipe)));
    const rowMajor = [8, 12].map((n, d) => Array.from({ length: n }, (_, i) => i * [12, 1][d]));
    expect(orders).toHaveLength(1);
    if (direct) expect(orders).not.toEqual([rowMajor]);
    else expect(orders).toEqual([rowMajor]);
  });
});

describe('rearranging bytes', () => {
  const RECIPES = [
    { name: 'a row', start: 3, extents: [17], strides: [1] },
    { name: 'one element', start: 5, extents: [], strides: [] },
    { name: 'panels of columns', start: 0, extents: [3, 40, 8], strides: [320, 1, 40] },
    { name: 'a transposition that no block divides', start: 0, extents: [37, 25], strides: [1, 37] },
    {
      name: 'taps and channels that are one in memory',
      start: 0,
      extents: [2, 5, 3, 3, 8],
      strides: [360, 9, 3, 1, 45],
    },
    { name: 'rows that overlap', start: 2, extents: [9, 4], strides: [2, 1] },
    { name: 'columns apart, none of them side by side', start: 1, extents: [6, 7], strides: [2, 12] },
    { name: 'the same row again', start: 4, extents: [3, 11], strides: [0, 1] },
    { name: 'backwards', start: 99, extents: [10, 10], strides: [-10, -1] },
  ];

  it.each(RECIPES.flatMap((r) => (['u8', 'f16', 'f32', 'f64'] as const).map((dtype) => ({ ...r, dtype }))))(
    'takes each element from its place: $name, $dtype',
    ({ name: _, dtype, ...recipe }) => {
      const size = 1000;
      const { bytes: width } = dtypeInfo(dtype);
      for (const shift of [0, 1]) {
        const bytes = new Uint8Array(size * width + shift).subarray(shift);
        for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 24;
        const { extents, strides } = recipe;
        const count = extents.reduce((n, e) => n * e, 1);
        const expected = Array.from({ length: count }, (_, i) => {
          let [rest, place] = [i, recipe.start];
          for (let d = extents.length - 1; d >= 0; d--) {
            place += (rest % extents[d]) * strides[d];
            rest = Math.floor(rest / extents[d]);
          }
          return [...bytes.subarray(place * width, (place + 1) * width)];
        });
        const { bytes: made } = rearranged({ dtype, shape: [size], bytes }, recipe);
        expect([...made]).toEqual(expected.flat());
      }
    },
  );
});
