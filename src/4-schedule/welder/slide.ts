// Line buffers: along the innermost loop of a tile graph, a tile of a producer begins with rows that the tile before has
// made. In: what a tile needs of the producer's tensor along one dimension, and that loop. Out: how many rows are kept,
// how many are new, and the nodes that keep them. The buffer is the tile; its last rows move to its beginning.
import { type Axis, add, axisExpr, index, load, newAxis } from '../../3-tile/expr.ts';
import type { TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { bounds, coefficient, fixed } from '../linear.ts';
import { workOf } from './fuse.ts';
import type { Span } from './propagate.ts';

/** Along a dimension of the tile: rows that it begins with as the last tile left them, rows that every tile makes. */
export interface Slide {
  /** Of the producer; it stores at `dim` of its tensor. */
  readonly axis: Axis;
  readonly dim: number;
  readonly kept: number;
  readonly step: number;
  /** The first row of the first tile, and rows of the last tile that lie beyond the producer. */
  readonly low: number;
  readonly over: number;
}

type Loop = Readonly<{ axis: Axis; extent: number; step: number }>;

/** Work per element from which keeping it costs less than making it again. */
const MIN_WORK = 4;
const worthKeeping = (op: TileOp): boolean => op.reduce !== null || workOf(op.value) >= MIN_WORK;

/** How the rows along `axis` that a tile wants slide with the loop; null where they do not, or are as easily made again. */
export function slideOf(op: TileOp, wanted: Span, axis: Axis, dim: number, loop: Loop | undefined): Slide | null {
  const c = loop ? coefficient(wanted.lo, loop.axis) : 0;
  if (!loop || c <= 0 || wanted.lo.terms.size !== 1 || loop.extent % loop.step !== 0) return null;
  const step = c * loop.step;
  const kept = wanted.size - step;
  const [low, high] = bounds(wanted.lo)!;
  const over = Math.max(0, high + wanted.size - axis.extent);
  const fits = kept > 0 && kept <= step && -low <= kept && over <= kept && step <= axis.extent;
  return fits && worthKeeping(op) ? { axis, dim, kept, step, low, over } : null;
}

/** The rows that the first tile makes besides those that every tile makes; null: they are all border. */
export function firstRows({ kept, low }: Slide): Span | null {
  const size = kept + Math.min(0, low);
  return size > 0 ? { lo: fixed(Math.max(0, low)), size } : null;
}

/** The copy that makes the last rows of a tile the first ones of the next. */
export function keeping(tile: TileTensor, { dim, kept, step }: Slide): TileOp {
  const axes = tile.shape.map((n, d) => newAxis(`i${d}`, d === dim ? kept : n));
  const at = axes.map(axisExpr);
  const value = load(tile, at.with(dim, add(at[dim], index(step))));
  return { kind: 'op', name: 'keep', axes, reduce: null, write: tile, at, value };
}
