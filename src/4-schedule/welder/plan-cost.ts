// What a tile graph costs before anything is lowered. In: operators, how they are cut, a device. Out: estimated cycles:
// per operator the longer of computing, with work done twice and lanes and registers left empty, and of moving bytes
// at the level where they are found. Operators take turns, so only what one of them does overlaps.
import { type Axis, axisExpr, type Expr } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { type Device, lanesOf } from '../../devices/device.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { bytesOf } from '../../ir/tensor.ts';
import { overlapped, trafficCycles } from '../cost.ts';
import type { Linear } from '../linear.ts';
import { workOf } from './fuse.ts';
import { isFill, type Plan, written } from './graph.ts';
import { accessesOf, pointsIn, type Span, type Spans } from './propagate.ts';
import { loadsBelow } from './region.ts';

/** Rows and vectors of the register tile that a matrix product is expected to get. */
const TILE_ROWS = 14;
const TILE_VECTORS = 2;
/** Reduced elements from which an operator with two operands is taken for a matrix product. */
const LONG_REDUCTION = 16;
/** What joining may cost more, as estimates are not finer: a part, and cycles per tensor that needs no memory then. */
const [EVEN_PART, EVEN_CYCLES] = [0.02, 300];
/** Cycles to enter the loops of one operator. */
const ENTRY = 40;

/** Bytes that a region takes of a tensor in lines of memory: rows of other than whole lines begin or end in one more. */
function lineBytes({ shape, dtype }: TileTensor, region: readonly Span[], line: number): number {
  const { bytes } = dtypeInfo(dtype);
  let [d, run] = [shape.length - 1, bytes];
  for (; d >= 0; d--) {
    run *= region[d].size;
    if (region[d].size < shape[d]) break;
  }
  const rows = pointsIn(region.slice(0, Math.max(0, d)));
  return rows === 1 || run % line === 0 ? rows * run : rows * (run + line - bytes);
}

/** What of an operator the cost depends on, gathered once. */
export interface Sketch {
  readonly op: TileOp;
  readonly target: TileTensor;
  /** Tensors read, and whether their index moves along the axis that is stored side by side. */
  readonly reads: ReadonlyMap<TileTensor, boolean>;
  /** Instructions per reduced element and per stored value. */
  readonly inner: number;
  readonly outer: number;
  readonly folds: number;
  /** Extent of the innermost reduce axis. */
  readonly run: number;
  /** The axis that is stored side by side. */
  readonly unit: Axis | null;
  /** Equal for operators of equal loops and accesses; tensors are numbered by `tensors`. */
  readonly key: string;
  readonly tensors: readonly TileTensor[];
}

const formKey = ({ constant, terms }: Linear, axes: ReadonlyMap<Expr, number>): string =>
  `${constant}${[...terms].map(([t, c]) => `,${axes.get(t) ?? t.id}:${c}`).join('')}`;

export function sketch(op: TileOp): Sketch {
  const accesses = accessesOf(op);
  const reduce = op.reduce?.axes ?? [];
  const axes = new Map([...op.axes, ...reduce].map((a, i) => [axisExpr(a), i]));
  const forms = (at: readonly Linear[] | null): string => at?.map((l) => formKey(l, axes)).join(' ') ?? '?';
  const target = owner(op.write);
  const [inner, outer] = [elementWork(op), workOf(op.value)];
  const folds = pointsOf(reduce);
  const store = written(op);
  const tensors = [target, ...accesses.map((a) => a.target)];
  const shapes = tensors.map((t) => `${t.dtype}${t.shape}`);
  const extents = [...op.axes, ...reduce].map((a) => a.extent).join();
  const places = [store, ...accesses.map((a) => a.at)].map(forms);
  const key = [extents, folds, inner, outer, isFill(op), ...places, ...shapes].join('|');
  const last = store?.findLast((l) => [...l.terms.keys()].some((t) => t.op !== 'axis' || t.arg.extent > 1));
  const unit = [...(last?.terms ?? [])].flatMap(([t, c]) => (t.op === 'axis' && c === 1 ? [t.arg] : []))[0];
  const moves = (t: TileTensor): boolean =>
    accesses.some((a) => a.target === t && (a.at?.some((l) => unit && l.terms.has(axisExpr(unit))) ?? false));
  const reads = new Map(accesses.map((a) => [a.target, moves(a.target)]));
  const run = reduce.at(-1)?.extent ?? 1;
  return { op, target, reads, inner, outer, folds, run, unit: unit ?? null, key, tensors };
}

/** Instructions per reduced element; loads go beside them, and a product that is summed is one with the sum. */
function elementWork(op: TileOp): number {
  if (!op.reduce) return 0;
  const { elems, monoid } = op.reduce;
  const work = elems.reduce((n, e: Expr) => n + workOf(e), 0) - loadsBelow(elems).length;
  return Math.max(1, work + (elems[0].op === 'mul' ? 0 : monoid.combine.length));
}

/** Cycles to compute one tile: lanes along what is stored side by side, or along the reduction; registers as they fit. */
function computing(s: Sketch, spans: Spans, points: number, device: Device): number {
  const lanes = lanesOf(device, 'f32');
  const stored = s.unit ? (spans.get(s.unit)?.size ?? 1) : 1;
  // Lanes along a reduction leave the elements past the last whole vector to scalars.
  const folded = s.run / (lanes * (Math.floor(s.run / lanes) + device.latency * (s.run % lanes)));
  const filled = stored >= lanes ? stored / (Math.ceil(stored / lanes) * lanes) : stored >= 4 ? 4 / lanes : 1 / lanes;
  const used = Math.max(filled, s.folds > 1 ? folded : 0);
  const rate = lanes * used;
  const ending = (points * s.outer) / (rate * device.arithmeticPorts);
  if (s.folds < LONG_REDUCTION || s.reads.size < 2 || stored < lanes) {
    return (points * s.folds * s.inner) / (rate * device.arithmeticPorts) + ending + ENTRY;
  }
  const rows = Math.min(TILE_ROWS, points / stored);
  const vectors = Math.min(TILE_VECTORS, Math.ceil(stored / lanes));
  const step = Math.max(
    (rows * vectors * s.inner) / device.arithmeticPorts,
    (rows + vectors) / device.loadPorts,
    device.latency,
  );
  return (points / (rate * rows * vectors)) * s.folds * step + ending + ENTRY;
}

/** Cycles that the operands of a matrix product take beyond their first use, under the better order of its loops. */
function repeated(s: Sketch, spans: Spans, points: number, part: ReadonlyMap<TileTensor, number>, device: Device) {
  const stored = s.unit ? (spans.get(s.unit)?.size ?? 1) : 1;
  if (s.folds < LONG_REDUCTION || s.reads.size < 2) return 0;
  const passes = { rows: points / stored / TILE_ROWS, columns: stored / (TILE_VECTORS * lanesOf(device, 'f32')) };
  const cost = (wide: boolean, count: number): number =>
    [...s.reads].reduce((n, [t, isWide]) => {
      const bytes = part.get(t)!;
      return isWide === wide && count > 1 ? n + trafficCycles(bytes * (count - 1), bytes, device) : n;
    }, 0);
  return Math.min(cost(true, passes.rows), cost(false, passes.columns));
}

/** Estimated cycles under a plan, less what joining may cost more: not for dot products, whose registers it ignores. */
export function planCost(run: readonly Sketch[], plan: Plan, device: Device): number {
  const line = device.levels[0].transaction;
  const parts = plan.members.map(({ spans, reads }, i) => {
    const points = pointsIn([...spans.values()]);
    const part = new Map<TileTensor, number>();
    for (const [t, all] of reads) part.set(t, lineBytes(t, all, plan.scratch.has(t) ? 1 : line));
    return { points, part: part.set(run[i].target, points * dtypeInfo(run[i].target.dtype).bytes) };
  });
  // How far back in a tile something was touched last says which level still has it.
  const touchedSince = (first: number, last: number): number => {
    const largest = new Map<TileTensor, number>();
    const all = parts.slice(first, last + 1).flatMap(({ part }) => [...part]);
    for (const [t, b] of all) largest.set(t, Math.max(largest.get(t) ?? 0, b));
    return [...largest.values()].reduce((n, b) => n + b, 0);
  };
  // What steps of a stream read one piece after the other is met again after all of them.
  const swept = plan.members.map(({ steps }, i) => {
    const far = [...parts[i].part].filter(([t]) => steps > 1 && !plan.scratch.has(t));
    return far.reduce((n, [, b]) => n + b * (steps - 1), 0);
  });
  const near = touchedSince(0, parts.length) + swept.reduce((n, b) => n + b, 0);
  const touched = new Map<TileTensor, number>();
  let cycles = device.launch * device.clock;
  for (const [i, { spans, tiles, slide }] of plan.members.entries()) {
    const { points, part } = parts[i];
    let moving = tiles * repeated(run[i], spans, points, part, device);
    let stored = 0;
    for (const [t, bytes] of part) {
      const before = touched.get(t);
      touched.set(t, i);
      // The first to touch a tensor meets it where the program left it; all else is met within the tile.
      const far = plan.scratch.has(t) || before !== undefined ? 0 : Math.min(tiles * bytes, bytesOf(t));
      const within = before === undefined ? near : touchedSince(before, i);
      const outside = trafficCycles(far, 2 * bytesOf(t), device);
      moving += outside + trafficCycles(tiles * bytes - far, within, device);
      // A store to memory waits for the line that it changes.
      if (t === run[i].target && 2 * bytesOf(t) > device.levels.at(-2)!.bytes) stored = outside;
    }
    // Rows that a tile keeps are read and written once more.
    if (slide) moving += trafficCycles((2 * tiles * slide.kept * part.get(run[i].target)!) / slide.step, near, device);
    const work = tiles * computing(run[i], spans, points, device);
    cycles += overlapped(work, moving) + stored;
  }
  const even = run.some(({ op }) => op.reduce?.elems[0].op === 'dot') ? 0 : EVEN_CYCLES * plan.scratch.size;
  return cycles - Math.min(EVEN_PART * cycles, even);
}
