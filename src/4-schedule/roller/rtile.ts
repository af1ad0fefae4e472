// Tiles of one operator on a machine of workgroups: an extent per axis for every level of memory (Roller's rTile), and
// what they take and move. In: a canonical operator and extents. Out: regions, storage, traffic, all in closed form.
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

export interface RTile {
  /** What one lane holds in registers, then what each level of the device holds but the last, which holds everything. */
  readonly levels: readonly Sizes[];
  /** Workgroups that share one reduction. */
  readonly split: number;
}

/** How a tensor is reached: the distance between neighbours along each axis; infinite where that is not linear. */
export interface Access {
  readonly tensor: TileTensor;
  readonly bytes: number;
  readonly strides: Sizes;
  /** Axes that it moves along, nearest neighbours first. */
  readonly order: readonly number[];
  /** Laid out in the order of tiles before the kernel. */
  readonly packed: boolean;
}

/** What of an operator its tiles depend on. */
export interface Loops {
  readonly extents: Sizes;
  readonly spatial: number;
  /** Loads per step of a reduction: those that lanes share in the workgroup's memory, and those that pass by it. */
  readonly staged: readonly Access[];
  readonly streamed: readonly Access[];
  /** Loads and the store per point. */
  readonly direct: readonly Access[];
  /** Instructions per reduced element and per stored value. */
  readonly inner: number;
  readonly outer: number;
  /** Bytes of a point of the reduction while it is computed; 0: no reduction. */
  readonly state: number;
  /** Workgroups may fold parts of it. */
  readonly mergeable: boolean;
}

/** `op` is canonical, without scalar functions. */
export function loopsOf(op: TileOp, device: Device): Loops {
  const p = profile(op);
  const axes = [...p.spatial, ...p.reduce];
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
  const extents = axes.map((a) => a.extent);
  // Sharing pays where points have elements in common, or to read along rows what each lane folds by itself.
  const shared = (a: Access): boolean =>
    a.order[0] >= p.spatial.length ||
    elementsOf(a, extents) < a.order.reduce((n, i) => n * extents[i], 1) ||
    p.spatial.some((_, i) => a.strides[i] === 0);
  const { monoid } = op.reduce ?? {};
  return {
    extents,
    spatial: p.spatial.length,
    staged: inner.filter(shared),
    streamed: inner.filter((a) => !shared(a)),
    direct: [...once(p.outer), access(op.write, p.write, new Set(p.spatial), false)],
    inner: monoid ? p.innerWork.length + monoid.combine.length - (isContracted(p, device) ? 1 : 0) : 0,
    outer: p.outerWork.length,
    state: (monoid?.state ?? []).reduce((n, t) => n + Math.max(4, dtypeInfo(t).bytes), 0),
    mergeable: (monoid?.merge ?? null) !== null,
  };
}

/** What an access touches: counts of elements `step` apart, nearest first. Windows that overlap count once. */
function region({ strides, order }: Access, sizes: Sizes): { step: number; count: number }[] {
  const dims: { step: number; count: number }[] = [];
  for (const i of order) {
    if (sizes[i] === 1) continue;
    const [s, last] = [strides[i], dims[dims.length - 1]];
    if (last && s % last.step === 0 && s <= last.step * last.count) last.count += (s / last.step) * (sizes[i] - 1);
    else dims.push({ step: s, count: sizes[i] });
  }
  return dims;
}

export const elementsOf = (a: Access, sizes: Sizes): number => region(a, sizes).reduce((n, d) => n * d.count, 1);

/** Bytes of the transactions that bring what an access touches. */
export function movedBytes(a: Access, sizes: Sizes, transaction: number): number {
  const dims = region(a, sizes);
  const elements = dims.reduce((n, d) => n * d.count, 1);
  if (a.packed) return roundUp(elements * a.bytes, transaction);
  const [{ step, count }] = dims.length > 0 ? dims : [{ step: 1, count: 1 }];
  const near = step * a.bytes < transaction;
  const run = near ? (step * (count - 1) + 1) * a.bytes : a.bytes;
  return (near ? elements / count : elements) * roundUp(run, transaction);
}

/** How a staged tensor lies in the workgroup's memory: extents, nearest first, and elements of padding after each. */
export function storage(a: Access, group: Sizes, lane: Sizes, device: Device) {
  const extents = region(a, group).map((d) => d.count);
  const { banks, bankBytes = a.bytes } = device.levels[0];
  const lead = a.order.find((i) => group[i] > 1);
  const padded = banks !== undefined && lead !== undefined && extents.length > 1;
  const first = padded ? bankPadding(extents[0], lane[lead], banks, Math.max(1, bankBytes / a.bytes)) : 0;
  return { tensor: a.tensor, extents, padding: extents.map((_, d) => (d === 0 ? first : 0)) };
}

const product = (xs: Sizes, from = 0, to = xs.length): number => xs.slice(from, to).reduce((a, b) => a * b, 1);
const counts = ({ extents }: Loops, sizes: Sizes): Sizes => extents.map((n, i) => Math.ceil(n / sizes[i]));
export const pointsIn = (l: Loops, sizes: Sizes): number => product(sizes, 0, l.spatial);
/** Tiles of a size over the spatial axes, and steps of a tile over its reduction. */
export const tilesOf = (l: Loops, sizes: Sizes): number => product(counts(l, sizes), 0, l.spatial);
export const stepsOf = (l: Loops, sizes: Sizes): number => product(counts(l, sizes), l.spatial);

const bytesIn = (all: readonly Access[], sizes: Sizes): number =>
  all.reduce((n, a) => n + elementsOf(a, sizes) * a.bytes, 0);

/** 4-byte registers of a lane: states and the operands of one step, or what passes per point. */
export const laneRegisters = ({ staged, streamed, direct, state, spatial }: Loops, lane: Sizes): number =>
  (state > 0 ? bytesIn([...staged, ...streamed], lane) + product(lane, 0, spatial) * state : bytesIn(direct, lane)) / 4;

/** Bytes that a tile brings to its level, one step at a time; workgroups keep what their lanes share. */
export const footprint = ({ staged, streamed, direct }: Loops, level: number, sizes: Sizes): number =>
  bytesIn(level === 1 ? staged : [...staged, ...streamed, ...direct], sizes);

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

/** Bytes of a workgroup's memory. */
export function sharedBytes(l: Loops, group: Sizes, lane: Sizes, device: Device): number {
  return l.staged.reduce(
    (n, a) => {
      const { extents, padding } = storage(a, group, lane, device);
      return n + extents.reduce((m, x, d) => m * (x + padding[d]), a.bytes);
    },
    lanesIn(l, group, lane, device).kept,
  );
}

/** Bytes that all tiles of a level bring from the level after it, and store there. */
export function traffic(l: Loops, level: number, sizes: Sizes, device: Device): number {
  const { transaction } = device.levels[level];
  // Lanes that step together read their parts side by side.
  if (level === 0) return tilesOf(l, sizes) * bytesIn(l.staged, sizes) * stepsOf(l, sizes);
  const moved = (all: readonly Access[]): number => all.reduce((n, a) => n + movedBytes(a, sizes, transaction), 0);
  return tilesOf(l, sizes) * ((moved(l.staged) + moved(l.streamed)) * stepsOf(l, sizes) + moved(l.direct));
}

/** Instructions of all tiles, those on padding as well. */
export function instructions(l: Loops, sizes: Sizes): number {
  const folds = product(sizes, l.spatial) * stepsOf(l, sizes);
  return tilesOf(l, sizes) * pointsIn(l, sizes) * (folds * l.inner + l.outer);
}
