// What a tile moves between cache levels. In: a profiled operator, a tile and the innermost loop.
// Out: estimated cycles per tile, counted in whole cache lines. Operands that the innermost loop
// does not change stay in the first level while they fit.
import { type Axis, axisExpr, type Expr } from '../../3-tile/expr.ts';
import { pointsOf } from '../../3-tile/tile-op.ts';
import type { Device } from '../../devices/device.ts';
import { bytesOf, rowMajorStrides } from '../../ir/tensor.ts';
import { meetingRows, PAGE, trafficCycles } from '../cost.ts';
import { coefficient, type Linear } from '../linear.ts';
import type { LoadProfile, Profile } from './profile.ts';
import { extentIn, type Tile } from './tile.ts';

/** Part of a level that keeps its contents while others pass through. */
const USABLE = 0.75;
/** What entering a page costs, in cache lines. Rows half a page apart or more mostly begin in another one. */
const PAGE_LINES = 8;

type Strides = readonly (readonly [axis: Axis, bytes: number])[];

/** How far apart a load's neighbours along its axes lie; constants that no whole tiles cover have their lanes last. */
function stridesOf(l: LoadProfile, { vector }: Tile): Strides {
  const axes = [...l.axes];
  if (!l.packable) return axes.map((a) => [a, coefficient(l.linear, a) * l.bytes]);
  const later = (a: Axis): number => (a === vector ? 2 : a.role === 'reduce' ? 1 : 0);
  axes.sort((a, b) => later(a) - later(b));
  const steps = rowMajorStrides(axes.map((a) => a.extent));
  return axes.map((a, i) => [a, steps[i] * l.bytes]);
}

/** Bytes of cache lines that a load touches over these extents of its axes, and those that entering pages costs. */
function touched(l: LoadProfile, all: Strides | null, line: number, extent: (a: Axis) => number): [number, number] {
  let elements = 1;
  for (const a of l.axes) elements *= extent(a);
  if (!all) return [elements * l.bytes, 0];
  if ([...l.linear.terms.keys()].some((t) => t.op !== 'axis')) return [elements * line, 0];
  const strides = all.map(([a, bytes]) => [Math.abs(bytes), extent(a)]).sort((a, b) => a[0] - b[0]);
  let [run, rows, pages] = [l.bytes, 1, 1];
  for (const [stride, n] of strides) {
    if (stride < line || stride <= run) run += stride * (n - 1);
    else rows *= n;
    if (stride >= PAGE / 2) pages *= n;
  }
  return [rows * Math.ceil(run / line) * line, pages > 1 ? pages * PAGE_LINES * line : 0];
}

/**
 * Bytes that a tile loads again because its rows meet in one set of the first level: a way of every CPU described here
 * is a page, and the rows beyond the ways are evicted before the reduction comes to their next element.
 */
function evicted(strides: Strides, tile: Tile, device: Device): number {
  const [{ bytes, transaction: line }] = device.levels;
  // A step of matrix instructions takes whole lines.
  const rows = tile.matrix ? [] : [0];
  let steps = 1;
  for (const [a, stride] of strides) {
    if (a.role === 'reduce' && Math.abs(stride) < line) steps = a.extent;
    const n = a.role === 'spatial' && stride % line === 0 ? extentIn(tile, a) : 1;
    const first = rows.length;
    for (let i = first; i < n * first; i++) rows.push(rows[i - first] + stride);
  }
  const sets = new Map<number, number>();
  for (const r of rows) sets.set(r % PAGE, (sets.get(r % PAGE) ?? 0) + 1);
  let beyond = 0;
  for (const n of sets.values()) beyond += Math.max(0, n - Math.floor(bytes / PAGE));
  return beyond * (steps - 1) * line;
}

/**
 * The part of what a tile reads that the tile before it along an axis did not: windows overlap where an axis of the
 * reduction moves in steps of which that axis takes several. All of it where the index is not linear.
 */
function fresh({ linear, axes }: LoadProfile, tile: Tile, last: Axis): number {
  const step = Math.abs(coefficient(linear, last));
  if (step === 0) return 1;
  const moved = step * extentIn(tile, last);
  const over = [...axes].map((a) => {
    const by = a.role === 'reduce' ? Math.abs(coefficient(linear, a)) : 0;
    return by > 0 && step % by === 0 && by * a.extent > step ? by * a.extent - step : 0;
  });
  return moved / (moved + Math.max(...over));
}

/** Whether rows that a tile reads, and reads again for the next tile, meet in more lines of one set than it has. */
function collides(strides: Strides, device: Device, extent: (a: Axis) => number): boolean {
  const [{ bytes, transaction: line }] = device.levels;
  let meeting = 1;
  for (const [a, stride] of strides) {
    if (Math.abs(stride) >= line) meeting *= meetingRows(stride, extent(a));
  }
  return meeting > Math.floor(bytes / PAGE);
}

/**
 * What the loads of the reduction touch under a tile: bytes of one tile over its whole reduction, the same with what
 * entering pages costs, those it loads again, bytes of the whole operator, and what part of a tile's is new along an axis.
 */
export function footprints(p: Profile, tile: Tile, device: Device) {
  const line = device.levels[0].transaction;
  const inTile = (a: Axis): number => (a.role === 'reduce' ? a.extent : extentIn(tile, a));
  return p.inner.map((load) => {
    // Blocks of a packed constant are whole tiles.
    const packed = load.packable && p.spatial.every((a) => !load.axes.has(a) || a.extent % extentIn(tile, a) === 0);
    const strides = packed ? null : stridesOf(load, tile);
    const [bytes, entering] = touched(load, strides, line, inTile);
    const again = strides ? evicted(strides, tile, device) : 0;
    const [all] = touched(load, strides, line, (a) => a.extent);
    const meets = (whole?: Axis): boolean =>
      strides !== null && collides(strides, device, (a) => (a === whole ? a.extent : inTile(a)));
    const apart = (a: Axis): number => Math.abs(strides?.find(([b]) => b === a)?.[1] ?? line) * extentIn(tile, a);
    return {
      load,
      tile: bytes,
      moved: bytes + entering,
      again,
      all,
      collides: meets(),
      fresh: (last: Axis | undefined) => (last && load.axes.has(last) ? fresh(load, tile, last) : 0),
      /** The part of a tile's lines that its neighbour along an axis has no part in, with a run along `last` between. */
      own: (around: Axis, last: Axis) => (meets(last) ? 1 : Math.min(1, apart(around) / line)),
    };
  });
}

/** Points for each of which a constant is used, at most, where bringing it takes a part of the time. */
const FEW = 1024;

/**
 * Whether code asks for a constant ahead of its use: it is met once in a run, far away, by few points. Loops around count
 * with all positions of their origins, which are no fewer than their turns.
 */
export function comesFar(e: Expr, { terms }: Linear, axes: readonly Axis[], around: readonly Axis[], device: Device) {
  if (!device.prefetches || e.op !== 'load' || e.arg.role !== 'constant') return false;
  const uses = pointsOf([...axes, ...around].filter((a) => !terms.has(axisExpr(a))));
  return uses <= FEW && bytesOf(e.arg) >= device.levels[0].bytes;
}

type Sizes = ReturnType<typeof footprints>;

/** Cycles per tile when tiles follow one another along these axes, along the last one first. */
export function tileTraffic(sizes: Sizes, tile: Tile, loops: readonly Axis[], device: Device): number {
  const [near, next] = device.levels;
  const [around, last] = [loops.at(-2), loops.at(-1)];
  const total = (of: (s: Sizes[0]) => number) => sizes.reduce((n, s) => n + of(s), 0);
  // What a tile reads again is met after all that the tile touches.
  const whole = total((s) => s.tile);
  const resident = whole <= near.bytes * USABLE;
  // Lines of a run along the last axis are still near when the next run takes what it left of them.
  const run = last ? Math.ceil(last.extent / extentIn(tile, last)) : 1;
  const kept = total((s) => s.tile * (1 + (run - 1) * s.fresh(last))) <= near.bytes * USABLE;
  let cycles = 0;
  for (const s of sizes) {
    cycles += trafficCycles(s.again, next.bytes, device);
    const first = s.fresh(last) * (kept && around && last ? s.own(around, last) : 1);
    const met = resident && !s.collides ? 0 : trafficCycles(s.moved, Math.max(whole, next.bytes), device);
    cycles += first * trafficCycles(s.moved, s.all, device) + (1 - first) * met;
  }
  return cycles;
}
