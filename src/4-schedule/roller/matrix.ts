// Tiles for matrix instructions. In: a profiled operator that sums products of words, a device. Out: the tiles under
// which its operands are rows and columns of such instructions, what a tile takes, and what follows its sums. They stay
// in matrix registers, two by two of them, so that every operand that is loaded is used twice.
import { type Axis, add, axisExpr, DOTS, type Expr, index, isConst, load, mul, newAxis } from '../../3-tile/expr.ts';
import { newTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { type Device, peakOf } from '../../devices/device.ts';
import { coefficient, linearise } from '../linear.ts';
import { loadIndex } from '../nest.ts';
import { transform } from '../transform.ts';
import type { Profile } from './profile.ts';
import { extentIn, scalarTile, type Tile } from './tile.ts';

/** Registers of sums along the rows and the columns of a tile. */
const BLOCKS = 2;
/** Rows below which dot products in vectors keep up. */
const MIN_ROWS = 8;

/** Where the sums of a tile wait for what is computed of them, the same for all kernels; from row to row. */
export const SUMS_STRIDE = BLOCKS * 16;
const waiting = <T extends 'i32' | 'f32'>(dtype: T) => newTensor('sums', dtype, [SUMS_STRIDE ** 2], 'temp');
export const SUMS = { i32: waiting('i32'), f32: waiting('f32') };

/** The form of the dot products that are summed. */
export const formOf = ({ reduce }: TileOp) => (reduce?.elems[0].op === 'dot' ? reduce.elems[0].arg : null);
/** Where they wait. */
export const sumsOf = (op: TileOp) => SUMS[DOTS[formOf(op)!].sum];

/** The instruction for words of this form: its shape, the depth in words, its cycles, and operations per nanosecond. */
function instruction(device: Device, form: ReturnType<typeof formOf>) {
  const peak = form && peakOf(device, DOTS[form].element, 'matrix');
  if (!form || !peak?.tile) return null;
  const [rows, columns, depth] = peak.tile;
  const cycles = (2 * rows * columns * depth * device.clock) / peak.rate;
  return { rows, columns, words: depth / DOTS[form].parts, cycles, rate: peak.rate };
}

/** The most words of a depth that registers take without a rest. */
function wordsOf(depth: number, most: number): number {
  let words = Math.min(depth, most);
  while (depth % words > 0) words--;
  return words;
}

/** Share of the peak that two by two registers of sums reach whose operands are loaded for every step, as measured. */
const LOADED = 0.28;

/** Operations per ns of a product of bf16 over so many words in matrix registers, as far as it fills them; 0: none. */
export function pairRate(device: Device, rows: number, columns: number, depth: number): number {
  const shape = instruction(device, 'bf16');
  if (!shape || rows < MIN_ROWS) return 0;
  const used = (n: number, size: number): number => n / (size * Math.ceil(n / size));
  const filled = used(rows, shape.rows) * used(columns, shape.columns) * wordsOf(depth, shape.words);
  return (LOADED * shape.rate * filled) / shape.words;
}

/** The operands of summed products of words, if they are plain loads, with their indices: that with the rows first. */
export function operands({ reduce }: TileOp, rows: Axis) {
  const e = reduce?.elems[0];
  if (e?.op !== 'dot' || e.arg === 2 || reduce?.monoid.name !== 'add' || !isConst(e.src[2])) return null;
  if (e.src[0] === e.src[1] || e.src.some((s, i) => i < 2 && s.op !== 'load')) return null;
  const both = e.src.slice(0, 2).map((load) => ({ load, at: linearise(loadIndex(load)) }));
  const plain = both.every(({ at }) => [...at.terms.keys()].every((t) => t.op === 'axis'));
  const unsigned = coefficient(both[0].at, rows) !== 0;
  const [left, right] = unsigned ? both : both.reverse();
  const form = e.arg === 'bf16' ? e.arg : unsigned ? 'us' : 'su';
  return plain ? { left, right, form } : null;
}

/** Whether the operands are as the instruction needs them; packing may see to that of the columns (`wide`). */
export function readsMatrices({ op, tile }: Readonly<{ op: TileOp; tile: Tile }>, wide = false): boolean {
  const [{ rows, depth }, columns] = [tile.matrix!, tile.vector!];
  const { left, right } = operands(op, rows) ?? {};
  if (!left || !right || coefficient(left.at, columns) !== 0 || coefficient(right.at, rows) !== 0) return false;
  const [step, down] = [coefficient(right.at, columns), coefficient(right.at, depth)];
  const across = wide ? step * down !== 0 : step === 1 && down > 0;
  return across && coefficient(left.at, rows) > 0 && coefficient(left.at, depth) === 1;
}

/** Tiles of matrix registers, for operators that can have them. Depths have no rest: registers keep their sizes. */
export function* matrixTiles(p: Profile, device: Device): Generator<Tile> {
  const shape = instruction(device, formOf(p.op));
  if (!shape) return;
  const all = p.reduce.flatMap((depth) => p.spatial.map((rows) => ({ depth, rows })));
  for (const matrix of all.filter(({ rows }) => rows.extent >= MIN_ROWS)) {
    const { rows, depth } = matrix;
    const right = operands(p.op, rows)?.right.load;
    const words = wordsOf(depth.extent, shape.words);
    const even = Math.ceil(rows.extent / Math.ceil(rows.extent / (BLOCKS * shape.rows)));
    for (const columns of p.spatial) {
      const plain = { ...scalarTile(p.spatial), vector: columns, matrix };
      const wide = p.inner.some((l) => l.load === right && l.packable);
      if (columns === rows || !readsMatrices({ op: p.op, tile: plain }, wide)) continue;
      for (let n = BLOCKS * shape.columns; n >= shape.columns; n /= 2) {
        const sizes = [even, Math.min(n, columns.extent), words];
        yield { ...plain, extents: new Map([rows, columns, depth].map((a, i) => [a, sizes[i]])) };
      }
    }
  }
}

/** Cycles of the sums of one tile; loads of operands go beside them. */
export function matrixCycles(p: Profile, tile: Tile, device: Device): number {
  const { rows, columns, cycles } = instruction(device, formOf(p.op))!;
  const m = Math.ceil(extentIn(tile, tile.matrix!.rows) / rows);
  const n = Math.ceil(extentIn(tile, tile.vector!) / columns);
  const steps = pointsOf(p.reduce) / extentIn(tile, tile.matrix!.depth);
  return steps * m * n * cycles;
}

/** What an operator makes of the sums of a tile, over the tile's own axes; null where it stores them as they are. */
export function afterSums(op: TileOp, tile: Tile): TileOp | null {
  const [rows, columns] = [tile.matrix!.rows, tile.vector!];
  const write = linearise(op.at[0]);
  const plain = [...write.terms.keys()].every((t) => t.op === 'axis') && coefficient(write, columns) === 1;
  const sums = sumsOf(op);
  if (op.value.op === 'acc' && op.write.dtype === sums.dtype && plain && coefficient(write, rows) > 0) return null;
  const axes = [rows, columns].map((a) => newAxis(a.name, extentIn(tile, a)));
  const [i, j] = axes.map(axisExpr);
  const inside = new Map([rows, columns].map((a, k) => [axisExpr(a), add(axisExpr(a), [i, j][k])]));
  const sum = load(sums, [add(mul(i, index(SUMS_STRIDE)), j)]);
  const over = (e: Expr): Expr => transform(e, (x) => (x.op === 'acc' ? sum : inside.get(x)));
  return { ...op, axes, reduce: null, at: op.at.map(over), value: over(op.value) };
}
