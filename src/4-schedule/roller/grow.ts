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
/** From the registers outwards: lanes hold the first, workgroups the second, the whole device the others. */
type Levels = readonly Sizes[];
const [LANE, GROUP] = [0, 1];

/** Tiles per level that construction goes on with, where levels beyond workgroups have one; and looks at for them. */
const BEAM = [4, 2];
const MAX_VISITS = 200;
/** Programs beyond which nothing is gained that are enough without more padding; or any once there was some. */
const ENOUGH = 4;

type Found = Readonly<{ levels: Levels; regular: boolean }>;
type Context = Readonly<{ loops: rtile.Loops; device: Device; tolerance: number }>;

/** What the sizes of a level are multiples of: the tile inside, and transactions along the rows of tensors. */
function unitsOf({ loops, device }: Context, level: number, inside: Sizes): Sizes {
  const units = [...inside];
  if (level === LANE) return units;
  const [near, far] = [device.levels[level - 1], device.levels[level]];
  for (const a of [...loops.staged, ...loops.streamed, ...loops.direct]) {
    const row = a.packed ? -1 : a.strides.indexOf(1);
    const levels = loops.staged.includes(a) ? [near, far] : [far];
    if (row >= 0) units[row] = lcm(units[row], transactionUnit(levels, a.bytes));
  }
  // Whatever lies along the rows, a step of the reduction is worth a transaction.
  let left = transactionUnit([near, far], 4);
  for (let axis = units.length - 1; axis >= loops.spatial; axis--) {
    units[axis] = lcm(units[axis], left);
    left = Math.ceil(left / loops.extents[axis]);
  }
  return units;
}

function fits({ loops, device, tolerance }: Context, level: number, sizes: Sizes, lane: Sizes): boolean {
  const { sharedBytes, laneRegisters } = device.workgroups!;
  if (level > GROUP) return rtile.footprint(loops, level, sizes) <= device.levels[level - 1].bytes;
  if (level === GROUP) return rtile.sharedBytes(loops, sizes, lane, device) <= sharedBytes;
  // Operators of few points leave some for other lanes.
  const most = ((1 + Math.min(1, tolerance)) * rtile.pointsIn(loops, loops.extents)) / laneUnit(device);
  return rtile.footprint(loops, LANE, sizes) <= 4 * laneRegisters && rtile.pointsIn(loops, sizes) <= Math.max(1, most);
}

/** Whether enough of a workgroup's lanes have work, and whether it has their registers. */
function ready({ loops, device, tolerance }: Context, group: Sizes, lane: Sizes): boolean {
  const { lanes, busy } = rtile.lanesIn(loops, group, lane, device);
  const bytes = lanes * rtile.footprint(loops, LANE, lane);
  return 1 - busy <= tolerance * busy && bytes <= 4 * device.workgroups!.registers;
}

/** Bringing what a tile needs takes no longer than computing it; beyond registers even from the farthest memory. */
function saturated({ loops, device }: Context, level: number, sizes: Sizes, lane: Sizes): boolean {
  const { levels } = device;
  const moving = rtile.traffic(loops, level, sizes, device) / (level === LANE ? levels[0] : levels.at(-1)!).bandwidth;
  const keeping = level === GROUP ? rtile.keptTraffic(loops, sizes, lane, device) / levels[0].bandwidth : 0;
  return Math.max(moving, keeping) <= rtile.instructions(loops, sizes) / laneRate(device);
}

/** Larger tiles by falling reuse: bytes of traffic that they save per byte that they take (ΔQ / ΔF). */
function larger({ loops, device, tolerance }: Context, inner: Levels, sizes: Sizes, units: Sizes) {
  const level = inner.length;
  const inside = inner[level - 1] ?? units;
  const moved = (s: Sizes): number => rtile.traffic(loops, level, s, device);
  const kept = (s: Sizes): number => (level === GROUP ? rtile.keptTraffic(loops, s, inside, device) : 0);
  const takes = (s: Sizes): number => rtile.footprint(loops, level, s);
  const before = { moved: moved(sizes), kept: kept(sizes), takes: takes(sizes) };
  const axes = [...sizes.keys()].slice(0, level === LANE ? loops.spatial : sizes.length);
  const grown = axes.flatMap((axis) => {
    const next = nextSize(loops.extents[axis], sizes[axis], units[axis], inside[axis], tolerance);
    if (next === null) return [];
    const after = sizes.with(axis, next);
    const keeping = axis < loops.spatial ? 0 : before.kept - kept(after);
    const score = (before.moved - moved(after) + keeping) / Math.max(1, takes(after) - before.takes);
    return score > 0 || axis < loops.spatial ? [{ sizes: after, axis, score }] : [];
  });
  // Where nothing is saved, rows grow first.
  return grown.sort((a, b) => b.score - a.score || (a.score > 0 ? a.axis - b.axis : b.axis - a.axis));
}

/** Tiles of the next level around those inside; `regular`: nothing is gained beyond. */
function grown(c: Context, { levels: inner, regular }: Found): Found[] {
  const { extents } = c.loops;
  const level = inner.length;
  const inside = inner[level - 1] ?? extents.map(() => 1);
  const units = unitsOf(c, level, inside);
  const found: Found[] = [];
  const seen = new Set<string>();
  /** Whether all units have work, if need be parts of reductions. */
  const parallel = (s: Sizes): boolean =>
    rtile.tilesOf(c.loops, s) * (c.loops.mergeable ? rtile.stepsOf(c.loops, s) : 1) >= c.device.units;
  /** Whether a tile was found at these sizes or beyond. */
  const visit = (sizes: Sizes): boolean => {
    const [key, lane] = [sizes.join(), inner[LANE] ?? sizes];
    if (seen.has(key) || found.length >= (BEAM[level] ?? 1) || seen.size >= MAX_VISITS) return seen.has(key);
    if (!fits(c, level, sizes, lane)) return false;
    seen.add(key);
    const complete = level !== GROUP || ready(c, sizes, lane);
    const next = complete && saturated(c, level, sizes, lane) ? [] : larger(c, inner, sizes, units);
    const gaining = next.filter((n) => !complete || (n.score > 0 && (level !== GROUP || parallel(n.sizes))));
    const led = gaining.map((n) => visit(n.sizes)).some(Boolean);
    if (!complete || led) return led;
    found.push({ levels: [...inner, sizes], regular: regular && (level > GROUP || gaining.length === 0) });
    return true;
  };
  const first = extents.map((n, i) => nextSize(n, 0, units[i], inside[i], c.tolerance));
  if (first.every((n) => n !== null)) visit(first);
  return found;
}

/** Smaller tiles while workgroups are fewer than units: about half of an axis at all levels, that of the lowest reuse. */
function shrunk(c: Context, levels: Levels): Levels {
  const { loops, device, tolerance } = c;
  if (rtile.tilesOf(loops, levels[GROUP]) >= device.units) return levels;
  const halved = (axis: number): Levels => {
    const half = [...levels];
    for (const [level, sizes] of levels.entries()) {
      const unit = level === LANE ? 1 : unitsOf(c, level, half[level - 1])[axis];
      half[level] = sizes.with(axis, roundUp(Math.ceil(sizes[axis] / 2), unit));
    }
    return half;
  };
  const moved = (half: Levels): number => rtile.traffic(loops, GROUP, half[GROUP], device);
  const halves = Array.from({ length: loops.spatial }, (_, i) => halved(i)).filter((half, i) => {
    if (half[GROUP][i] >= levels[GROUP][i] || !ready(c, half[GROUP], half[LANE])) return false;
    return half.every((s, level) => fits(c, level, s, half[LANE]) && tolerated(loops.extents[i], s[i], tolerance));
  });
  if (halves.length === 0) return levels;
  const least = halves.reduce((a, b) => (moved(b) < moved(a) ? b : a));
  return shrunk(c, least);
}

export type RTile = ReturnType<typeof rolled>;

/** A tile per level, `split` workgroups per reduction, and what that comes to on the device. */
function rolled(loops: rtile.Loops, levels: Levels, split: number, device: Device) {
  const [lane, group] = levels;
  const limits = device.workgroups!;
  const { lanes, busy } = rtile.lanesIn(loops, group, lane, device);
  const laneRegisters = Math.ceil(rtile.footprint(loops, LANE, lane) / 4);
  const sharedBytes = rtile.sharedBytes(loops, group, lane, device);
  const room = [limits.residentLanes / lanes, limits.residentRegisters / (lanes * laneRegisters)];
  const held = Math.min(limits.residentGroups, ...room, device.levels[0].bytes / Math.max(1, sharedBytes));
  const resident = Math.max(1, Math.floor(held));
  const [grid, steps] = [rtile.tilesOf(loops, group) * split, rtile.stepsOf(loops, group)];
  const share = (Math.ceil(steps / split) * split) / steps / grid;
  const bytes = levels.map((sizes, level) => share * rtile.traffic(loops, level, sizes, device));
  bytes[0] += share * rtile.keptTraffic(loops, group, lane, device);
  const instructions = (share * rtile.instructions(loops, group)) / busy;
  const independent = resident * lanes * rtile.pointsIn(loops, lane);
  const time = groupsTime(grid, { instructions, independent, bytes, resident }, device);
  // Parts of a reduction are written, read again and joined by a kernel of its own.
  const parts = 2 * rtile.pointsIn(loops, loops.extents) * split * loops.state;
  const joining = split > 1 ? device.launch + parts / (device.levels.at(-1)!.bandwidth * device.units) : 0;
  const storage = loops.staged.map((a) => rtile.storage(a, group, lane, device));
  const waves = grid / (device.units * resident);
  const ns = time.ns + joining;
  return { levels, split, storage, lanes, sharedBytes, laneRegisters, grid, resident, waves, ns, bound: time.bound };
}

/** The rTiles of a canonical operator without scalar functions, best first. The device has workgroups. */
export function rollTiles(op: TileOp, device: Device): readonly RTile[] {
  invariant(device.workgroups, `${device.name} has no workgroups`);
  const loops = rtile.loopsOf(op, device);
  const ranked = new Map<string, RTile>();
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
        if (!ranked.has(key)) ranked.set(key, rolled(loops, levels, split, device));
      }
    }
    regular += found.filter((f) => f.regular).length;
    if (regular >= ENOUGH || (tolerance > 0 && ranked.size >= ENOUGH)) break;
  }
  return [...ranked.values()].sort((a, b) => a.ns - b.ns);
}
