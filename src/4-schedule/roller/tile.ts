// The register tile of one canonical operator: what the roller chooses and the lowering follows.
import type { Axis } from '../../3-tile/expr.ts';

export interface Tile {
  /** Lanes of vector values; 1: scalars only. */
  readonly lanes: number;
  /** The axis across the lanes: a spatial one, or a reduce one whose lanes are joined at the end. */
  readonly vector: Axis | null;
  /**
   * Points covered at once, fully unrolled, per axis; 1 where absent. The vector axis counts in
   * elements, a multiple of `lanes`. Reduce axes: an unrolled suffix of the reduction.
   */
  readonly extents: ReadonlyMap<Axis, number>;
  /** An axis whose neighbours are loaded as vectors, `lanes` by `lanes` elements, and turned; null: none. */
  readonly turned: Axis | null;
  /** Axes of the rows and depth of matrix instructions, whose columns the vector axis has; null: vectors. */
  readonly matrix: { readonly rows: Axis; readonly depth: Axis } | null;
  /** The spatial loops, outer first. */
  readonly order: readonly Axis[];
}

export const extentIn = (tile: Tile, axis: Axis): number => tile.extents.get(axis) ?? 1;

/** One point at a time, in the operator's own order. */
export function scalarTile(axes: readonly Axis[]): Tile {
  return { lanes: 1, vector: null, extents: new Map(), turned: null, matrix: null, order: axes };
}
