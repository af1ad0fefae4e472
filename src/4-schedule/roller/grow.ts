// Roller's construction for machines of workgroups. In: a canonical operator and a device. Out: rTiles, best first by
// the cost model. Tiles grow from the registers outwards, each axis to its next aligned size in the order of the
// traffic that this saves per byte it takes, until the farthest memory keeps up with the arithmetic (OSDI 2022, §4).
import type { TileOp } from '../../3-tile/tile-op.ts';
import type { Device } from '../../devices/device.ts';
import { invariant } from '../../support/errors.ts';
import { groupsTime, laneRate } from '../cost.ts';
import { laneUnit, lcm, nextSize, roundUp, TOLERANCES, tolerated, transactionUnit } from './align.ts';
import * as rtile from './rtile.ts';

type Sizes = rtile.Sizes;

/** The levels of a tile: lanes hold the first, workgroups the second, the whole device the others. */
const [LANE, GROUP] = [0, 1];
/** Tiles per level that construction goes on with, and those that it looks at for them. */
const BEAM = 4;
const MAX_VISITS = 200;
/** Saturated programs that are enough without more padding, or any once there was some. */
const ENOUGH = 4;

/** An rTile and what it comes to: per workgroup, per lane and as a whole. */
export interface RolledTile {
  readonly tile: rtile.RTile;
  readonly lanes: number;
  readonly sharedBytes: number;
  /** Of 4 bytes. */
  readonly laneRegisters: number;
  /** Workgroups, those that a unit holds at once, and how often all units fill with them. */
  readonly grid: number;
  readonly resident: number;
  readonly waves: number;
  /** Estimated nanoseconds, and what takes most of them: arithmetic or a level of memory. */
  readonly ns: number;
  readonly bound: string;
}

/** Tiles from the registers outwards; `regular`: nothing is gained beyond. */
type Levels = readonly Sizes[];
type Found = Readonly<{ levels: Levels; regular: boolean }>;

interface Context {
  readonly loops: rtile.Loops;
  readonly device: Device;
  readonly tolerance: number;
}

/** What the sizes of a level are multiples of: the tile inside, and transactions along the rows of tensors. */
function unitsOf({ loops, device }: Context, level: number, inside: Sizes): Sizes {
  const [near, far] = [device.levels[level - 1], device.levels[level]];
  const units = [...inside];
  const align = (axis: number, levels: (typeof far)[], bytes: number): void => {
    if (axis >= 0 && level !== LANE) units[axis] = lcm(units[axis], transactionUnit(levels, bytes));
  };
  const rows = (a: rtile.Access): number => (a.packed ? -1 : a.strides.indexOf(1));
  for (const a of loops.staged) align(rows(a), [near, far], a.bytes);
  for (const a of [...loops.streamed, ...loops.direct]) align(rows(a), [far], a.bytes);
  // Whatever lies along the rows, a step of the reduction is worth a transaction.
  if (units.length > loops.spatial) align(units.length - 1, [near, far], 4);
  return units;
}

function fits({ loops, device, tolerance }: Context, level: number, sizes: Sizes, lane: Sizes): boolean {
  const { sharedBytes, laneRegisters } = device.workgroups!;
  if (level > GROUP) return rtile.footprint(loops, level, sizes) <= device.levels[level - 1].bytes;
  if (level === GROUP) return rtile.sharedBytes(loops, sizes, lane, device) <= sharedBytes;
  // Operators of few points leave some for other lanes.
  const most = ((1 + tolerance) * rtile.pointsIn(loops, loops.extents)) / laneUnit(device);
  return rtile.laneRegisters(loops, sizes) <= laneRegisters && rtile.pointsIn(loops, sizes) <= Math.max(1, most);
}

/** Whether enough of a workgroup's lanes have work, and whether it has their registers. */
function ready({ loops, device, tolerance }: Context, group: Sizes, lane: Sizes): boolean {
  const { lanes, busy } = rtile.lanesIn(loops, group, lane, device);
  const registers = lanes * rtile.laneRegisters(loops, lane);
  return 1 - busy <= tolerance * busy && registers <= device.workgroups!.registers;
}

/** Whether all units have work, at least with parts of reductions. */
const parallel = ({ loops, device }: Context, group: Sizes): boolean =>
  rtile.tilesOf(loops, group) * (loops.mergeable ? rtile.stepsOf(loops, group) : 1) >= device.units;

/** Bringing what a tile needs takes no longer than computing it; beyond registers even from the farthest memory. */
function saturated({ loops, device }: Context, level: number, sizes: Sizes, lane: Sizes): boolean {
  const [near, far] = [device.levels[0], device.levels[device.levels.length - 1]];
  const moving = rtile.traffic(loops, level, sizes, device) / (level === LANE ? near : far).bandwidth;
  const keeping = level === GROUP ? rtile.keptTraffic(loops, sizes, lane, device) / near.bandwidth : 0;
  return Math.max(moving, keeping) <= rtile.instructions(loops, sizes) / laneRate(device);
}

/** Larger tiles by falling reuse: bytes of traffic that they save per byte that they take (ΔQ / ΔF). */
function larger({ loops, device, tolerance }: Context, inner: Levels, sizes: Sizes, units: Sizes) {
  const level = inner.length;
  const inside = inner[level - 1] ?? units;
  const kept = (s: Sizes): number => (level === GROUP ? rtile.keptTraffic(loops, s, inside, device) : 0);
  const moved = (s: Sizes, axis: number): number =>
    rtile.traffic(loops, level, s, device) + (axis < loops.spatial ? 0 : kept(s));
  const takes = (s: Sizes): number =>
    level === LANE ? 4 * rtile.laneRegisters(loops, s) : rtile.footprint(loops, level, s);
  const axes = [...sizes.keys()].slice(0, level === LANE ? loops.spatial : undefined);
  const grown = axes.flatMap((axis) => {
    const next = nextSize(loops.extents[axis], sizes[axis], units[axis], inside[axis], tolerance);
    if (next === null) return [];
    const after = sizes.with(axis, next);
    const score = (moved(sizes, axis) - moved(after, axis)) / Math.max(1, takes(after) - takes(sizes));
    return score > 0 || axis < loops.spatial ? [{ sizes: after, axis, score }] : [];
  });
  // Where nothing is saved, rows grow first.
  return grown.sort((a, b) => b.score - a.score || (a.score > 0 ? a.axis - b.axis : b.axis - a.axis));
}

/** Tiles of the next level around those inside. */
function grown(c: Context, { levels: inner, regular }: Found): Found[] {
  const { extents } = c.loops;
  const level = inner.length;
  const inside = inner[level - 1] ?? extents.map(() => 1);
  const units = unitsOf(c, level, inside);
  const found: Found[] = [];
  const seen = new Set<string>();
  /** Whether a tile was found at these sizes or beyond. */
  const visit = (sizes: Sizes): boolean => {
    const [key, lane] = [sizes.join(), inner[LANE] ?? sizes];
    if (seen.has(key) || found.length >= BEAM || seen.size >= MAX_VISITS) return seen.has(key);
    if (!fits(c, level, sizes, lane)) return false;
    seen.add(key);
    const complete = level !== GROUP || ready(c, sizes, lane);
    const next = complete && saturated(c, level, sizes, lane) ? [] : larger(c, inner, sizes, units);
    const gaining = next.filter((n) => !complete || (n.score > 0 && (level !== GROUP || parallel(c, n.sizes))));
    const led = gaining.map((n) => visit(n.sizes)).some(Boolean);
    if (!complete || led) return led;
    found.push({ levels: [...inner, sizes], regular: regular && (level > GROUP || gaining.length === 0) });
    return true;
  };
  const first = extents.map((n, i) => nextSize(n, 0, units[i], inside[i], c.tolerance));
  if (first.every((n) => n !== null)) visit(first);
  return found;
}

/** A tile with about half of one axis at every level. */
function halved(c: Context, levels: Levels, axis: number): Levels {
  const half: Sizes[] = [];
  for (const [level, sizes] of levels.entries()) {
    const unit = level === LANE ? 1 : unitsOf(c, level, half[level - 1])[axis];
    half.push(sizes.with(axis, roundUp(Math.ceil(sizes[axis] / 2), unit)));
  }
  return half;
}

/** Smaller tiles while workgroups are fewer than units: half of an axis, that of the lowest reuse. */
function shrunk(c: Context, levels: Levels): Levels {
  const { loops, device, tolerance } = c;
  if (rtile.tilesOf(loops, levels[GROUP]) >= device.units) return levels;
  const moved = (half: Levels): number => rtile.traffic(loops, GROUP, half[GROUP], device);
  const halves = Array.from({ length: loops.spatial }, (_, i) => halved(c, levels, i)).filter((half, i) => {
    if (half[GROUP][i] >= levels[GROUP][i] || !ready(c, half[GROUP], half[LANE])) return false;
    return half.every((s, level) => fits(c, level, s, half[LANE]) && tolerated(loops.extents[i], s[i], tolerance));
  });
  return halves.length === 0
    ? levels
    : shrunk(
        c,
        halves.reduce((a, b) => (moved(b) < moved(a) ? b : a)),
      );
}

/** What an rTile comes to on the device. */
function rolled(loops: rtile.Loops, tile: rtile.RTile, device: Device): RolledTile {
  const [lane, group] = tile.levels;
  const limits = device.workgroups!;
  const { lanes, busy } = rtile.lanesIn(loops, group, lane, device);
  const laneRegisters = rtile.laneRegisters(loops, lane);
  const sharedBytes = rtile.sharedBytes(loops, group, lane, device);
  const room = [limits.residentLanes / lanes, limits.residentRegisters / (lanes * laneRegisters)];
  const held = Math.min(limits.residentGroups, ...room, device.levels[0].bytes / Math.max(1, sharedBytes));
  const resident = Math.max(1, Math.floor(held));
  const grid = rtile.tilesOf(loops, group) * tile.split;
  const bytes = tile.levels.map((sizes, level) => rtile.traffic(loops, level, sizes, device) / grid);
  bytes[0] += rtile.keptTraffic(loops, group, lane, device) / grid;
  const instructions = rtile.instructions(loops, group) / grid / busy;
  const independent = resident * lanes * rtile.pointsIn(loops, lane);
  const time = groupsTime(grid, { instructions, independent, bytes, resident }, device);
  // Parts of a reduction are written, read again and joined by a kernel of its own.
  const parts = 2 * rtile.pointsIn(loops, loops.extents) * tile.split * loops.state;
  const far = device.levels[device.levels.length - 1].bandwidth * device.units;
  const ns = time.ns + (tile.split > 1 ? device.launch + parts / far : 0);
  const waves = grid / (device.units * resident);
  return { tile, lanes, sharedBytes, laneRegisters, grid, resident, waves, ns, bound: time.bound };
}

/** The rTiles of a canonical operator without scalar functions, best first. The device has workgroups. */
export function rollTiles(op: TileOp, device: Device): readonly RolledTile[] {
  invariant(device.workgroups, `${device.name} has no workgroups`);
  const loops = rtile.loopsOf(op, device);
  const ranked = new Map<string, RolledTile>();
  let regular = 0;
  for (const tolerance of TOLERANCES) {
    const c = { loops, device, tolerance };
    let found: readonly Found[] = [{ levels: [], regular: true }];
    for (const _ of device.levels) found = found.flatMap((f) => grown(c, f));
    for (const levels of found.flatMap((f) => [f.levels, shrunk(c, f.levels)])) {
      const free = Math.floor(device.units / rtile.tilesOf(loops, levels[GROUP]));
      const parts = loops.mergeable ? Math.min(free, rtile.stepsOf(loops, levels[GROUP])) : 1;
      for (const split of new Set([1, Math.max(1, parts)])) {
        const key = `${levels.join('|')} ${split}`;
        if (!ranked.has(key)) ranked.set(key, rolled(loops, { levels, split }, device));
      }
    }
    regular += found.filter((f) => f.regular).length;
    if (regular >= ENOUGH || (tolerance > 0 && ranked.size >= ENOUGH)) break;
  }
  return [...ranked.values()].sort((a, b) => a.ns - b.ns);
}
