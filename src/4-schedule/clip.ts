// Windows that reach far outside, as of dilated convolutions of small images. In: an operator. Out: where most of its
// products are with the border's zeros, an operator for each run of outputs that the same taps can reach, so that
// `materialiseBorders` drops the other taps and makes no border.
import type { Axis } from '../3-tile/expr.ts';
import { pointsOf, type TileOp } from '../3-tile/tile-op.ts';
import { part } from './even.ts';
import { coefficient, fixedAt, type Linear } from './linear.ts';
import { reachable, zeroGuards } from './welder/pad.ts';

/** Part of the products from which on all are computed, outputs along an axis that pay for parts, and parts at most. */
const MOST_USED = 0.75;
const MIN_OUTPUTS = 8;
const MAX_PARTS = 4;
/** Outputs along an axis, each with its taps, that are looked at. */
const MAX_LOOKED = 4096;

/** How many combinations of taps these ranges are. */
const countOf = (ranges: readonly (readonly number[])[]): number => ranges.reduce((n, [, count]) => n * count, 1);

/** The operator in parts that leave out most of its products with zeros, or as it is. */
export function clippedParts(op: TileOp): TileOp[] {
  const guards = zeroGuards(op);
  const asked = (a: Axis): boolean => guards.some((g) => coefficient(g, a) !== 0);
  const taps = op.reduce?.axes.filter(asked) ?? [];
  const all = pointsOf(taps);
  for (const axis of all > 1 ? op.axes.filter(asked) : []) {
    const { extent } = axis;
    if (extent < MIN_OUTPUTS || extent * all > MAX_LOOKED) continue;
    const guardsAt = (i: number): Linear[] => guards.map((g) => fixedAt(g, axis, i));
    const reached = (i: number) => taps.map((t) => reachable(guardsAt(i), t));
    // Most windows reach outside near the ends only: two of them tell.
    const margin = Math.floor((extent * (1 - MOST_USED)) / 2);
    if ([margin, extent - 1 - margin].every((i) => countOf(reached(i)) === all)) continue;
    const ranges = Array.from({ length: extent }, (_, i) => reached(i));
    const starts = [...ranges.keys()].filter((i) => i === 0 || String(ranges[i]) !== String(ranges[i - 1]));
    const used = ranges.reduce((n, r) => n + countOf(r), 0);
    if (starts.length === 1 || starts.length > MAX_PARTS || used > MOST_USED * extent * all) continue;
    return starts.flatMap((s, i) => clippedParts(part(op, axis, s, (starts[i + 1] ?? extent) - s)));
  }
  return [op];
}
