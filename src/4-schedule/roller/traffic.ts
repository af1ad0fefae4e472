// What a tile moves between cache levels. In: a profiled operator, a tile and the innermost loop.
// Out: estimated cycles per tile, counted in whole cache lines. Operands that the innermost loop
// does not change stay in the first level while they fit.

import type { Axis } from '../../3-tile/expr.ts';
import type { Device } from '../../devices/device.ts';
import { PAGE, trafficCycles } from '../cost.ts';
import type { LoadProfile, Profile } from './profile.ts';
import { extentIn, type Tile } from './tile.ts';

/** What entering a page costs, in cache lines. */
const PAGE_LINES = 8;

/** Bytes of cache lines that a load touches over these extents of its axes, with what pages cost. */
function touched(l: LoadProfile, packed: boolean, line: number, extent: (a: Axis) => number): number {
  let elements = 1;
  for (const a of l.axes) elements *= extent(a);
  if (packed) return elements * l.bytes;
  const strides: [number, number][] = [];
  let regular = true;
  for (const [t, c] of l.linear.terms) {
    if (t.op === 'axis' && l.axes.has(t.arg)) strides.push([Math.abs(c) * l.bytes, extent(t.arg)]);
    else if (t.op === 'axis') continue;
    else regular = false;
  }
  if (!regular) return elements * line;
  strides.sort((a, b) => a[0] - b[0]);
  let [run, rows, pages] = [l.bytes, 1, 1];
  for (const [stride, n] of strides) {
    if (stride < line || stride <= run) run += stride * (n - 1);
    else rows *= n;
    if (stride >= PAGE) pages *= n;
  }
  return (rows * Math.ceil(run / line) + (pages > 1 ? pages * PAGE_LINES : 0)) * line;
}

/** Operand bytes of one tile over its whole reduction, and of the whole operator, per load. */
export function footprints(p: Profile, tile: Tile, device: Device): { tile: number; all: number; load: LoadProfile }[] {
  const line = device.levels[0].transaction;
  const inTile = (a: Axis): number => (a.role === 'reduce' ? a.extent : extentIn(tile, a));
  return p.inner.map((load) => {
    // Blocks of a packed constant are whole tiles.
    const packed = load.packable && p.spatial.every((a) => !load.axes.has(a) || a.extent % extentIn(tile, a) === 0);
    return { load, tile: touched(load, packed, line, inTile), all: touched(load, packed, line, (a) => a.extent) };
  });
}

/** Cycles per tile when the tiles follow one another along `last`. */
export function tileTraffic(sizes: ReturnType<typeof footprints>, last: Axis | null, device: Device): number {
  const [near, next] = device.levels;
  const resident = sizes.reduce((n, s) => n + s.tile, 0) <= near.bytes;
  let cycles = 0;
  for (const s of sizes) {
    if (last && s.load.axes.has(last)) cycles += trafficCycles(s.tile, s.all, device);
    else if (!resident) cycles += trafficCycles(s.tile, Math.max(s.tile, next.bytes), device);
  }
  return cycles;
}
