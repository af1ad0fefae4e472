// Tiles for matrix instructions. In: a profiled operator that sums products of words, a device. Out: the tiles under
// which its operands are rows and columns of such instructions, what a tile takes, and what follows its sums. They stay
// in matrix registers, two by two of them, so that every operand that is loaded is used twice.
import { type Axis, add, axisExpr, type Expr, index, isConst, load, mul, newAxis } from '../../3-tile/expr.ts';
import { newTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import type { Device } from '../../devices/device.ts';
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
export const SUMS = newTensor('sums', 'i32', [SUMS_STRIDE ** 2], 'temp');

/** The instruction for bytes: its shape, the depth in words, and its cycles. */
function instruction({ peaks, features, clock }: Device) {
  const peak = peaks.find((p) => p.form === 'matrix' && p.dtype === 'i8' && (!p.needs || features?.includes(p.needs)));
  if (!peak?.tile) return null;
  const [rows, columns, depth] = peak.tile;
  return { rows, columns, words: depth / 4, cycles: (2 * rows * columns * depth * clock) / peak.rate };
}

/** The operands of summed products of words, if they are plain loads, with their indices: that with the rows first. */
export function operands({ reduce }: TileOp, rows: Axis) {
  const e = reduce?.elems[0];
  if (e?.op !== 'dot' || e.arg !== 4 || reduce?.monoid.name !== 'add' || !isConst(e.src[2])) return null;
  if (e.src[0] === e.src[1] || e.src.some((s, i) => i < 2 && s.op !== 'load')) return null;
  const both = e.src.slice(0, 2).map((load) => ({ load, at: linearise(loadIndex(load)) }));
  const plain = both.every(({ at }) => [...at.terms.keys()].every((t) => t.op === 'axis'));
  const unsigned = coefficient(both[0].at, rows) !== 0;
  const [left, right] = unsigned ? both : both.reverse();
  return plain ? { left, right, signs: unsigned ? 'us' : 'su' } : null;
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
  const shape = instruction(device);
  if (!shape) return;
  const all = p.reduce.flatMap((depth) => p.spatial.map((rows) => ({ depth, rows })));
  for (const matrix of all.filter(({ rows }) => rows.extent >= MIN_ROWS)) {
    const { rows, depth } = matrix;
    const right = operands(p.op, rows)?.right.load;
    let words = Math.min(depth.extent, shape.words);
    while (depth.extent % words > 0) words--;
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
  const { rows, columns, cycles } = instruction(device)!;
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
  if (op.value.op === 'acc' && op.write.dtype === 'i32' && plain && coefficient(write, rows) > 0) return null;
  const axes = [rows, columns].map((a) => newAxis(a.name, extentIn(tile, a)));
  const [i, j] = axes.map(axisExpr);
  const inside = new Map([rows, columns].map((a, k) => [axisExpr(a), add(axisExpr(a), [i, j][k])]));
  const sum = load(SUMS, [add(mul(i, index(SUMS_STRIDE)), j)]);
  const over = (e: Expr): Expr => transform(e, (x) => (x.op === 'acc' ? sum : inside.get(x)));
  return { ...op, axes, reduce: null, at: op.at.map(over), value: over(op.value) };
}
