// The roller's choice for one operator: which axis runs across the lanes, how many points a register
// tile covers, in which order the loops run. In: a canonical operator and a device. Out: the tile
// that the cost model ranks first. Constructed from the operator's accesses, not searched by running.
import { type Axis, axisExpr, type Expr, isConst } from '../../3-tile/expr.ts';
import { isUnordered } from '../../3-tile/monoids.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { type Device, lanesOf, peakOf } from '../../devices/device.ts';
import { overlapped, stepCycles, WINDOW } from '../cost.ts';
import { coefficient } from '../linear.ts';
import { turns } from '../vectors.ts';
import { formOf, matrixCycles, matrixTiles } from './matrix.ts';
import { ALONE, type Around } from './pack.ts';
import { type LoadProfile, loadMeeting, type Profile, profile, scalarNodes, storesWide } from './profile.ts';
import { extentIn, scalarTile, type Tile } from './tile.ts';
import { comesFar, footprints, tileTraffic } from './traffic.ts';

const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16];
/** Points that one tile may unroll: bounds code size. */
const MAX_POINTS = 32;
/** Statements that unrolling a reduction may give. */
const MAX_UNROLLED = 96;

/** Lanes that all values of the operator can share, widest first; empty: scalars only. */
function laneChoices(p: Profile, device: Device): number[] {
  const widest = lanesOf(device, 'f32');
  const types = new Set([...(p.op.reduce?.monoid.state ?? []), p.op.value.dtype]);
  if ([...types].some((t) => t === 'f64' || t === 'i64' || t === 'u64')) return [];
  const all: number[] = [];
  for (let l = widest; l >= 4; l /= 2) all.push(l);
  return all;
}

/** Instructions that give every other element: two loads and a shuffle. */
const SPREAD_LOADS = 3;

/** Instructions to bring a load's values for all points of a tile. */
function loadCount(p: Profile, l: LoadProfile, tile: Tile): number {
  let n = 1;
  for (const [axis, extent] of tile.extents) {
    if (axis === tile.vector || !l.axes.has(axis)) continue;
    n *= extent;
  }
  const { vector, lanes } = tile;
  if (!vector) return n;
  const groups = extentIn(tile, vector) / lanes;
  const how = loadMeeting(p, l, vector);
  if (how === 'wide') return n * groups;
  if (how === 'spread') return n * groups * SPREAD_LOADS;
  // A turned block takes one load and log2(lanes) shuffles per vector.
  if (tile.turned && turns(l.load, l.linear, vector, tile.turned, p.deps)) return n * groups * (1 + Math.log2(lanes));
  return how === 'same' ? n : n * groups * lanes * 2;
}

/** As `loadCount` for a tile with unrolled reduce axes: what several points load is loaded once. */
function distinctLoads(p: Profile, l: LoadProfile, tile: Tile): number {
  const { vector, lanes } = tile;
  const how = vector ? loadMeeting(p, l, vector) : 'same';
  let sums: ReadonlySet<number> = new Set([0]);
  let repeated = 1;
  for (const [axis, extent] of tile.extents) {
    if (extent === 1 || !l.axes.has(axis)) continue;
    const step = axis === vector && (how === 'wide' || how === 'spread') ? lanes : 1;
    const c = l.packable ? 0 : coefficient(l.linear, axis);
    if (c === 0) {
      repeated *= extent / step;
      continue;
    }
    const next = new Set<number>();
    for (const s of sums) for (let i = 0; i < extent; i += step) next.add(s + c * i);
    sums = next;
  }
  return sums.size * repeated * (how === 'apart' ? 2 : how === 'spread' ? SPREAD_LOADS : 1);
}

/** Vector instructions of nodes per point; what cannot run on lanes runs once per lane. */
function workCount(p: Profile, nodes: readonly Expr[], tile: Tile): number {
  if (!tile.vector) return nodes.length;
  const scalars = scalarNodes(p, nodes, tile.vector);
  return nodes.length - scalars + scalars * tile.lanes * 2;
}

/** Vectors of points, or steps of the reduction that are unrolled. */
function vectorPoints({ extents, vector, lanes }: Tile, role: Axis['role'] = 'spatial'): number {
  let n = 1;
  for (const [a, by] of extents) if (a.role === role) n *= a !== vector ? by : role === 'spatial' ? by / lanes : 1;
  return n;
}

/** The fold of a product is one instruction with it. */
export const isContracted = (p: Profile, device: Device): boolean => {
  const [combine, elem] = [p.op.reduce?.monoid.combine[0].op, p.op.reduce?.elems[0]];
  return combine === 'add' && (elem?.op === 'mul' ? device.fma !== 'none' : elem?.op === 'dot' && elem.arg !== 2);
};

/** How many multiply-adds take as long as a dot product of pairs of bf16, for which not all CPUs have all ports. */
function pairCost({ op }: Profile, device: Device): number {
  if (formOf(op) !== 'bf16') return 1;
  const [pairs, floats] = [peakOf(device, 'bf16', 'dot'), peakOf(device, 'f32', 'fma')];
  return pairs && floats ? (2 * floats.rate) / pairs.rate : 1;
}

/** Registers that the accumulators and the operands of one step take. */
function registers(p: Profile, tile: Tile, device: Device): number {
  const chains = tile.vector?.role === 'reduce' ? extentIn(tile, tile.vector) / tile.lanes : 1;
  const states = p.op.reduce ? p.op.reduce.monoid.state.length : 1;
  const accs = vectorPoints(tile) * chains * states;
  if (device.loadsEarly) return accs + p.inner.reduce((n, l) => n + distinctLoads(p, l, tile), 0);
  const groups = tile.vector ? extentIn(tile, tile.vector) / tile.lanes : 1;
  const unrolledBy = vectorPoints(tile, 'reduce');
  let operands = 1;
  for (const l of p.inner) {
    // What several steps of an unrolled reduction load alike stays in a register between them.
    const distinct = unrolledBy > 1 ? distinctLoads(p, l, tile) : 0;
    if (unrolledBy > 1 && distinct < loadCount(p, l, tile)) operands += distinct;
    else if (tile.vector && loadMeeting(p, l, tile.vector) === 'wide') operands += groups;
  }
  return accs + operands;
}

/** Cycles for the whole operator under a tile, with what its reduce extents unroll, or some of them above `least`. */
function tileCost(p: Profile, tile: Tile, device: Device, least = Number.POSITIVE_INFINITY): number {
  const across = tile.vector?.role === 'reduce';
  const points = vectorPoints(tile);
  if (tile.matrix) return tileCount(p, tile) * (matrixCycles(p, tile, device) + storeCycles(p, tile, device));
  let cycles = 0;
  if (p.op.reduce) {
    const chains = across ? extentIn(tile, tile.vector!) / tile.lanes : 1;
    const combine = p.op.reduce.monoid.combine.length - (isContracted(p, device) ? 1 : 0);
    const unrolledBy = vectorPoints(tile, 'reduce');
    const loads = unrolledBy > 1 ? distinctLoads : loadCount;
    const folds = pointsOf(p.reduce);
    const steps = Math.ceil(folds / unrolledBy / (across ? extentIn(tile, tile.vector!) : 1));
    const arithmetic = points * chains * unrolledBy * (workCount(p, p.innerWork, tile) + combine) * pairCost(p, device);
    const loaded = p.inner.reduce((n, l) => n + loads(p, l, tile), 0);
    // The next tile is in sight behind a short reduction, unless its lanes are joined first.
    const chain = unrolledBy * (across ? 1 : Math.min(1, (steps * (arithmetic + loaded)) / WINDOW));
    cycles += steps * stepCycles({ arithmetic, loads: loaded, stores: 0, overhead: 2 + p.inner.length, chain }, device);
    const rest = across ? tile.vector!.extent % tile.lanes : 0;
    cycles += rest * (folds / (tile.vector?.extent ?? 1)) * points * device.latency;
    if (across) cycles += points * (chains + 2 * Math.log2(tile.lanes)) * device.latency * 0.5;
  }
  const count = tileCount(p, tile);
  // What is stored does not vary along the reduction.
  const stored = across ? { ...tile, lanes: 1, vector: null } : tile;
  return count * cycles > least ? count * cycles : count * (cycles + storeCycles(p, stored, device));
}

function storeCycles(p: Profile, tile: Tile, device: Device): number {
  const points = vectorPoints(tile);
  const scatter = tile.vector && !storesWide(p, tile.vector) ? tile.lanes : 1;
  const work = {
    arithmetic: points * (workCount(p, p.outerWork, tile) + (scatter > 1 ? scatter : 0)),
    loads: p.outer.reduce((n, l) => n + loadCount(p, l, tile), 0),
    stores: points * scatter,
    overhead: 4 + p.outer.length,
    chain: 0,
  };
  return stepCycles(work, device) + (p.op.reduce ? 4 : 0);
}

/** Cycles that no tile with this vector axis is below, whatever else it covers. */
function leastCost(p: Profile, tile: Tile, device: Device): number {
  if (!p.op.reduce) return 0;
  const work = workCount(p, p.innerWork, tile) + p.op.reduce.monoid.combine.length - (isContracted(p, device) ? 1 : 0);
  const steps = (pointsOf(p.reduce) * work * pairCost(p, device)) / tile.lanes / device.arithmeticPorts;
  const joining = tile.vector?.role === 'reduce' ? Math.log2(tile.lanes) * device.latency : 0;
  // Sums in another order are rounded elsewhere.
  return pointsOf(p.spatial) * (steps + joining) * 0.999;
}

type Ranked = Readonly<{ tile: Tile; cost: number }>;

type Shortlist = ReturnType<typeof shortlist>;

/** So many tiles of an operator, the cheapest first; of equal ones scalars come before vectors, then what came first. */
function shortlist(p: Profile, device: Device, size: number) {
  const ranked: Ranked[] = [];
  /** What a tile may cost to be on the list. */
  const most = (): number => ranked[size - 1]?.cost ?? Number.POSITIVE_INFINITY;
  /** The tile may change afterwards. */
  const consider = (tile: Tile): void => {
    const cost = tileCost(p, tile, device, most());
    if (cost > most()) return;
    const vectors = ({ vector, matrix }: Tile): boolean => vector !== null && !matrix;
    const after = (r: Ranked): boolean => r.cost > cost || (r.cost === cost && !tile.vector && vectors(r.tile));
    ranked.splice(ranked.findLastIndex((r) => !after(r)) + 1, 0, {
      tile: { ...tile, extents: new Map(tile.extents) },
      cost,
    });
    ranked.splice(size);
  };
  return { ranked, most, consider };
}

type Growing = Tile & Readonly<{ extents: Map<Axis, number> }>;

/** Ways to cover up to `more` of the axes beside the vector axis. */
function grow(p: Profile, tile: Growing, axes: readonly Axis[], device: Device, list: Shortlist, more = 2): void {
  list.consider(tile);
  for (const [i, axis] of more > 0 ? axes.entries() : []) {
    for (let k = 1; COUNTS[k] <= axis.extent; k++) {
      tile.extents.set(axis, COUNTS[k]);
      if (vectorPoints(tile) > MAX_POINTS || registers(p, tile, device) > device.vectorRegisters) break;
      grow(p, tile, axes.slice(i + 1), device, list, more - 1);
    }
    tile.extents.delete(axis);
  }
}

/** The tile over a square of elements, where some load steps by one along another axis. */
function* turnedTiles(p: Profile, base: Tile, vector: Axis): Generator<Tile> {
  for (const turned of p.spatial) {
    if (turned === vector || turned.extent < base.lanes) continue;
    if (!p.outer.some((l) => turns(l.load, l.linear, vector, turned, p.deps))) continue;
    yield { ...base, turned, extents: new Map(base.extents).set(turned, base.lanes) };
  }
}

/** Axes that are looked at, at most: bounds the work for operators of any rank. */
const MAX_AXES = 4;

/** The longest axes along which a register tile reuses some operand. */
function reuseAxes(p: Profile, vector: Axis | null): Axis[] {
  return p.spatial
    .filter((a) => a !== vector && a.extent > 1 && p.inner.some((l) => !l.axes.has(a)))
    .sort((a, b) => b.extent - a.extent)
    .slice(0, MAX_AXES);
}

/** Axes whose neighbours are loaded or stored together somewhere. */
function vectorAxes(p: Profile): Axis[] {
  const loads = [...p.inner, ...p.outer];
  const across = p.op.reduce && isUnordered(p.op.reduce.monoid) ? p.reduce.slice(-1) : [];
  return [...p.spatial, ...across]
    .filter((a) => {
      const stored = a.role === 'spatial' && storesWide(p, a);
      return stored || loads.some((l) => loadMeeting(p, l, a) === 'wide');
    })
    .slice(-2 * MAX_AXES);
}

/** Positions that choosing axes may unroll. */
const MAX_CHOICES = 64;

/** Short axes that choose between values, as `axis = constant ? …`: unrolled, so that a point computes its own choice. */
function choosingAxes(p: Profile): readonly Axis[] {
  const decides = (a: Axis): boolean =>
    p.outerWork.some(
      ({ op, src: [c] }) => op === 'select' && c.op === 'eq' && c.src[0] === axisExpr(a) && isConst(c.src[1]),
    );
  const axes = p.op.reduce ? [] : p.spatial.filter((a) => a.extent <= 8 && decides(a));
  return pointsOf(axes) <= MAX_CHOICES ? axes : [];
}

function candidates(p: Profile, device: Device, list: Shortlist): void {
  for (const tile of matrixTiles(p, device)) list.consider({ ...tile, lanes: lanesOf(device, 'f32') });
  const choosing = choosingAxes(p);
  const plain = { ...scalarTile(p.spatial), extents: new Map(choosing.map((a) => [a, a.extent])) };
  const vectors = vectorAxes(p);
  for (const [i, lanes] of laneChoices(p, device).entries()) {
    for (const vector of vectors) {
      // Sums in half the lanes take as many instructions for half the points.
      const halved = p.reduce.length > 0 && vector.role === 'spatial' && vector.extent >= 2 * lanes && i > 0;
      if (vector.extent < lanes || halved) continue;
      const axes = reuseAxes(p, vector);
      for (const n of choosing.length > 0 ? [1] : [1, 2, 3, 4, 5, 6, 8]) {
        if (n * lanes > vector.extent) break;
        const base = { ...plain, lanes, vector, extents: new Map(plain.extents).set(vector, n * lanes) };
        if (registers(p, base, device) > device.vectorRegisters && n > 1) break;
        if (leastCost(p, base, device) > list.most()) continue;
        grow(p, base, axes, device, list);
        if (!p.op.reduce && n === 1) for (const tile of turnedTiles(p, base, vector)) list.consider(tile);
      }
    }
  }
  if (leastCost(p, plain, device) <= list.most()) grow(p, plain, reuseAxes(p, null), device, list);
}

/** The loop order under which the tiles move the least, and the cycles per tile that takes. */
function bestOrder(p: Profile, tile: Tile, device: Device, around: Around): { order: readonly Axis[]; cycles: number } {
  if (!p.op.reduce) return { order: p.spatial, cycles: 0 };
  const sizes = footprints(p, tile, device);
  const looped = p.spatial.filter((a) => extentIn(tile, a) < a.extent);
  const ending = (axes: readonly Axis[], last: Axis): readonly Axis[] => [...axes.filter((a) => a !== last), last];
  let best = looped.at(-1);
  let cycles = tileTraffic(sizes, tile, looped, device);
  const far = p.inner.filter((l) => comesFar(l.load, l.linear, p.spatial, [...around.origins.keys()], device));
  const reads = (a: Axis): number => far.filter((l) => l.axes.has(a)).length;
  for (const a of looped) {
    const c = tileTraffic(sizes, tile, ending(looped, a), device);
    // Of equal orders one that uses parts of constants again, while the next ones are fetched.
    if (c < cycles || (c === cycles && reads(a) < reads(best!))) [best, cycles] = [a, c];
  }
  return { order: best ? ending(p.spatial, best) : p.spatial, cycles };
}

/** Unrolls the innermost reduce axes while the body stays small and its values in registers. */
function unrolled(p: Profile, tile: Tile, device: Device): Tile {
  if (tile.vector?.role === 'reduce' || tile.matrix) return tile;
  let body = vectorPoints(tile);
  let best = tile;
  for (const axis of [...p.reduce].reverse()) {
    const by = axis.extent <= 8 ? axis.extent : 2;
    const next = { ...best, extents: new Map(best.extents).set(axis, by) };
    if (body * by > MAX_UNROLLED) break;
    if (registers(p, next, device) > device.vectorRegisters) break;
    best = next;
    body *= by;
    if (by < axis.extent) break;
  }
  return best;
}

const tileCount = (p: Profile, tile: Tile): number =>
  p.spatial.reduce((n, a) => n * Math.ceil(a.extent / extentIn(tile, a)), 1);

/** Candidates that are looked at closely, of all those ranked by their instructions per step. */
const SHORTLIST = 12;
/** The same for reductions so short that unrolling decides, and how short that is. */
const SHORT_REDUCTION = 64;
const LONG_SHORTLIST = 60;

/** Tiles with their cost in cycles, best first: those of the shortlist for reductions, else all. */
export function rankedTiles(op: TileOp, device: Device, around: Around = ALONE): readonly Ranked[] {
  const p = profile(op, around);
  const short = pointsOf(p.reduce) <= SHORT_REDUCTION ? LONG_SHORTLIST : SHORTLIST;
  const list = shortlist(p, device, op.reduce ? short : Number.POSITIVE_INFINITY);
  candidates(p, device, list);
  if (!op.reduce) return list.ranked;
  const close = list.ranked.map(({ tile }): Ranked => {
    const whole = unrolled(p, tile, device);
    const { order, cycles } = bestOrder(p, whole, device, around);
    const computing = tileCost(p, whole, device);
    const moving = cycles * tileCount(p, tile);
    return { tile: { ...whole, order }, cost: overlapped(computing, moving) };
  });
  return close.sort((a, b) => a.cost - b.cost);
}

/** The tile that the cost model ranks first. */
export const chooseTile = (op: TileOp, device: Device, around: Around = ALONE): Tile =>
  rankedTiles(op, device, around)[0].tile;
