// What tiles of one operator take and move on a machine of workgroups. In: a canonical operator, and extents per axis at
// a level of memory. Out: regions of tensors, storage, lanes, traffic and instructions, all in closed form.
import { type Axis, isLoad } from '../../3-tile/expr.ts';
import type { TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import type { Device } from '../../devices/device.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { coefficient, type Linear } from '../linear.ts';
import { bankPadding, laneUnit, roundUp } from './align.ts';
import { isContracted } from './choose.ts';
import { profile } from './profile.ts';

/** Extents per axis: spatial axes, then reduce axes. */
export type Sizes = readonly number[];

/** How a tensor is reached: the distance between neighbours along each axis; infinite where that is not linear. */
export interface Access {
  readonly tensor: TileTensor;
  readonly bytes: number;
  readonly strides: Sizes;
  /** Axes that it moves along, nearest neighbours first. */
  readonly order: Sizes;
  /** Laid out in the order of tiles before the kernel. */
  readonly packed: boolean;
}

export type Loops = ReturnType<typeof loopsOf>;

/** What of a canonical operator without scalar functions its tiles depend on. */
export function loopsOf(op: TileOp, device: Device) {
  const p = profile(op);
  const axes = [...p.spatial, ...p.reduce];
  const extents: Sizes = axes.map((a) => a.extent);
  const access = (tensor: TileTensor, linear: Linear, moves: ReadonlySet<Axis>, packed: boolean): Access => {
    const scattered = [...linear.terms.keys()].some((t) => t.op !== 'axis');
    const strides = axes.map((a) => (scattered && moves.has(a) ? Infinity : Math.abs(coefficient(linear, a))));
    const order = [...strides.keys()].filter((i) => strides[i] > 0).sort((a, b) => strides[a] - strides[b] || a - b);
    return { tensor, bytes: dtypeInfo(tensor.dtype).bytes, strides, order, packed };
  };
  const once = (all: typeof p.inner): Access[] => {
    const found = all.flatMap((l) => (isLoad(l.load) ? [access(l.load.arg, l.linear, l.axes, l.packable)] : []));
    return [...new Map(found.map((a) => [`${a.tensor.id} ${a.strides}`, a])).values()];
  };
  const inner = once(p.inner);
  // Sharing pays where points have elements in common, or to read along rows what each lane folds by itself.
  const shared = (a: Access): boolean =>
    a.order[0] >= p.spatial.length ||
    p.spatial.some((_, i) => a.strides[i] === 0) ||
    bytesIn([a], extents) < a.order.reduce((n, i) => n * extents[i], a.bytes);
  const { monoid } = op.reduce ?? {};
  return {
    extents,
    spatial: p.spatial.length,
    /** Loads per step of a reduction that lanes share in the workgroup's memory, and those that pass by it. */
    staged: inner.filter(shared),
    streamed: inner.filter((a) => !shared(a)),
    /** Loads and the store per point. */
    direct: [...once(p.outer), access(op.write, p.write, new Set(p.spatial), false)],
    /** Instructions per reduced element and per stored value. */
    inner: monoid ? p.innerWork.length + monoid.combine.length - (isContracted(p, device) ? 1 : 0) : 0,
    outer: p.outerWork.length,
    /** Bytes of a point of the reduction while it is computed (0: none); workgroups may fold parts of it. */
    state: (monoid?.state ?? []).reduce((n, t) => n + Math.max(4, dtypeInfo(t).bytes), 0),
    mergeable: (monoid?.merge ?? null) !== null,
  };
}

/** What an access touches: rows of `lead` elements, `step` apart; `joined`: one row where they meet. Overlaps count once. */
function region({ strides, order }: Access, sizes: Sizes, joined = true) {
  let [first, lead, rows, step, count] = [1, 0, 1, 0, 1];
  for (const i of order) {
    const [stride, n] = [strides[i], sizes[i]];
    if (n === 1) continue;
    if (stride % step === 0 && stride < step * count + (joined ? 1 : 0)) count += (stride / step) * (n - 1);
    else {
      if (lead > 0) rows *= count;
      else if (step > 0) lead = count;
      else first = stride;
      [step, count] = [stride, n];
    }
  }
  if (lead > 0) rows *= count;
  else lead = count;
  return { step: first, lead, rows, elements: lead * rows };
}

const bytesIn = (all: readonly Access[], sizes: Sizes): number =>
  all.reduce((n, a) => n + region(a, sizes).elements * a.bytes, 0);

/** Bytes of the transactions that bring what an access touches. */
function movedBytes(a: Access, sizes: Sizes, transaction: number): number {
  const { step, lead, rows, elements } = region(a, sizes);
  if (a.packed) return roundUp(elements * a.bytes, transaction);
  if (step * a.bytes >= transaction) return elements * roundUp(a.bytes, transaction);
  return rows * roundUp((step * (lead - 1) + 1) * a.bytes, transaction);
}

/** How a staged tensor lies in the workgroup's memory: rows, and elements of padding after each of them. */
export function storage(a: Access, group: Sizes, lane: Sizes, device: Device) {
  const { lead, rows } = region(a, group, false);
  const { banks = 1, bankBytes = a.bytes } = device.levels[0];
  const along = a.order.find((i) => group[i] > 1);
  const padded = rows > 1 && along !== undefined && banks > 1;
  const padding = padded ? bankPadding(lead, lane[along], banks, Math.max(1, bankBytes / a.bytes)) : 0;
  return { tensor: a.tensor.name, lead, rows, padding, bytes: rows * (lead + padding) * a.bytes };
}

export const pointsIn = (l: Loops, sizes: Sizes): number => sizes.reduce((n, x, i) => (i < l.spatial ? n * x : n), 1);
/** Tiles of a size over the spatial axes, and steps of a tile over its reduction. */
export const tilesOf = (l: Loops, sizes: Sizes): number =>
  l.extents.reduce((n, extent, i) => (i < l.spatial ? n * Math.ceil(extent / sizes[i]) : n), 1);
export const stepsOf = (l: Loops, sizes: Sizes): number =>
  l.extents.reduce((n, extent, i) => (i < l.spatial ? n : n * Math.ceil(extent / sizes[i])), 1);

/** Bytes that a tile takes of its level. Lanes: states and operands of a step; workgroups: what lanes share. */
export function footprint(l: Loops, level: number, sizes: Sizes): number {
  const step = level === 1 ? l.staged : [...l.staged, ...l.streamed];
  const states = level === 0 ? pointsIn(l, sizes) * l.state : 0;
  return bytesIn(step, sizes) + states + (level > 1 || l.state === 0 ? bytesIn(l.direct, sizes) : 0);
}

/** Lanes of a workgroup; the part of their turns that has work; bytes of states kept in memory from turn to turn. */
export function lanesIn(l: Loops, group: Sizes, lane: Sizes, device: Device) {
  const tiles = pointsIn(l, group) / pointsIn(l, lane);
  const lanes = Math.min(roundUp(tiles, laneUnit(device)), device.workgroups!.lanes);
  const turns = Math.ceil(tiles / lanes);
  const kept = turns > 1 && stepsOf(l, group) > 1 ? pointsIn(l, group) * l.state : 0;
  return { lanes, busy: tiles / (turns * lanes), kept };
}

/** Bytes that all workgroups store and load again for that. */
export const keptTraffic = (l: Loops, group: Sizes, lane: Sizes, device: Device): number =>
  2 * lanesIn(l, group, lane, device).kept * tilesOf(l, group) * stepsOf(l, group);

export const sharedBytes = (l: Loops, group: Sizes, lane: Sizes, device: Device): number =>
  l.staged.reduce((n, a) => n + storage(a, group, lane, device).bytes, lanesIn(l, group, lane, device).kept);

/** Bytes that all tiles of a level bring from the level after it, and store there. */
export function traffic(l: Loops, level: number, sizes: Sizes, device: Device): number {
  const { transaction } = device.levels[level];
  // Lanes that step together read their parts side by side.
  if (level === 0) return tilesOf(l, sizes) * bytesIn(l.staged, sizes) * stepsOf(l, sizes);
  const moved = (all: readonly Access[]): number => all.reduce((n, a) => n + movedBytes(a, sizes, transaction), 0);
  return tilesOf(l, sizes) * ((moved(l.staged) + moved(l.streamed)) * stepsOf(l, sizes) + moved(l.direct));
}

/** Instructions of all tiles, those on padding as well. */
export const instructions = (l: Loops, sizes: Sizes): number =>
  tilesOf(l, sizes) * (sizes.reduce((a, b) => a * b, l.inner) * stepsOf(l, sizes) + pointsIn(l, sizes) * l.outer);
