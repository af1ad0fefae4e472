// Tile graphs: operators that share a kernel, tile by tile. In: operators in order, what others see of their tensors,
// and how the last one is cut. Out: loops over tiles around the operators restricted to what each tile needs; tensors
// that only the graph uses shrink to the part of one tile. Every other pass sees operators over shorter axes, and the
// origins of the tile as axes that are bound outside.
import type { Axis, Expr } from '../../3-tile/expr.ts';
import {
  add,
  and,
  axisExpr,
  constant,
  eq,
  index,
  isConst,
  isLoad,
  load,
  max,
  min,
  ne,
  newAxis,
  or,
} from '../../3-tile/expr.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { bounds, distance, fixed, fromLinear, type Linear, linearise, plus } from '../linear.ts';
import { indicesOf, loadFrom, over, rebuildOp } from '../transform.ts';
import type { Node, Nodes } from './nodes.ts';
import type { Stream } from './online.ts';
import { borderOnly } from './pad.ts';
import type { Reads, Span, Spans } from './propagate.ts';
import { accessesOf, baseIndices, perOp, propagate, storedAxis, whole } from './propagate.ts';
import { writesWhole } from './region.ts';
import { firstRows, keeping, type Slide, slideOf } from './slide.ts';

/**
 * What one operator does per tile, and how many tiles it has: loops that do not move it are inside its own. `steps`: of
 * a stream, that many of them in a row read one piece of a tensor after the other. `slide`: what it keeps of its tile.
 */
export type Member = Readonly<{
  op: TileOp;
  spans: Spans;
  reads: Reads;
  tiles: number;
  steps: number;
  slide: Slide | null;
}>;

/** Where a shrunk tensor's element 0 lies in the tensor, and how much of it one tile needs. */
type Place = readonly Span[];

/** How operators are cut into tiles. */
export interface Plan {
  /** In order of execution. */
  readonly members: readonly Member[];
  /** The tensors that only the graph uses, shrunk to what one tile needs. */
  readonly scratch: ReadonlyMap<TileTensor, Place>;
}

export interface TileGraph extends Plan {
  readonly nodes: Nodes<TileOp>;
  /** The operators that it joins, as they are apart. */
  readonly ops: readonly TileOp[];
}

/** How far the last operator's axes advance, by position, outer loops first; the others are whole. */
export type Cut = ReadonlyMap<number, number>;

/** Stores one value everywhere in its tensor: the border where another operator stores the inside. */
export const isFill = (op: TileOp): boolean => op.reduce === null && isConst(op.value) && writesWhole(op);

/** Where an operator stores, per dimension of the owner's shape; null where a reshape is in the way. */
export const written = perOp((op) => baseIndices(op.write, op.at)?.map((e) => linearise(e)) ?? null);

/** A fill of a shrunk tensor, or of its last rows: what is a border moves under the tile. */
function filler(op: TileOp, write: TileTensor, last?: { dim: number; count: number }): TileOp {
  const axes = write.shape.map((n, d) => newAxis(`i${d}`, d === last?.dim ? last.count : n));
  const at = axes.map((a, d) => (d === last?.dim ? add(axisExpr(a), index(write.shape[d] - last.count)) : axisExpr(a)));
  return { ...op, axes, write, at };
}

const leaf = (op: TileOp): Node<TileOp> => ({ kind: 'op', op });

class Cutter implements Plan {
  readonly members: readonly Member[] = [];
  readonly scratch = new Map<TileTensor, Place>();
  private readonly ops: readonly TileOp[];
  private readonly shared: (t: TileTensor) => boolean;
  private readonly stream: Stream | null;
  private readonly loops: Extract<Node<TileOp>, { kind: 'loop' }>[] = [];
  private readonly lets: Extract<Node<TileOp>, { kind: 'let' }>[] = [];
  /** How many loops are around what depends on an origin. */
  private readonly depths = new Map<Axis, number>();
  private readonly spans = new Map<TileOp, Map<Axis, Span>>();
  private readonly reads = new Map<TileOp, Reads>();
  private readonly tensors = new Map<TileTensor, TileTensor>();
  /** Producers that keep rows, and the spans of all that their tiles hold. */
  private readonly slides = new Map<TileOp, Slide>();
  private readonly held = new Map<TileOp, Map<Axis, Span>>();
  /** Conditions under which an origin was moved into bounds, by padded tensor. */
  private readonly moved = new Map<TileTensor, Expr[]>();
  readonly legal: boolean;

  constructor(ops: readonly TileOp[], shared: (t: TileTensor) => boolean, cut: Cut, stream: Stream | null) {
    this.ops = ops;
    this.shared = shared;
    this.stream = stream;
    const root = ops[ops.length - 1];
    this.spans.set(root, new Map(root.axes.map((a) => [a, whole(a.extent)])));
    for (const [i, step] of cut) this.spans.get(root)!.set(root.axes[i], this.loop(root.axes[i], step));
    if (stream) this.push(stream.axis, stream.extent, stream.step);
    this.reads.set(root, propagate(root, this.spans.get(root)!));
    const producers = ops.slice(0, -1).reverse();
    this.legal = producers.every((op) => {
      const spans = this.isBorder(op) ? new Map() : this.member(op, root, cut);
      if (!spans) return false;
      if (stream?.inside.has(op)) spans.set(stream.axis, { lo: linearise(axisExpr(stream.axis)), size: 1 });
      this.spans.set(op, spans);
      this.reads.set(op, propagate(op, this.held.get(op) ?? spans));
      return true;
    });
    const tiles = (op: TileOp): number =>
      this.loops.slice(0, this.depth(op)).reduce((n, l) => n * Math.ceil(l.extent / l.step), 1);
    if (!this.legal) return;
    const steps = (op: TileOp): number => (stream?.inside.has(op) ? stream.extent / stream.step : 1);
    this.members = ops.map((op) => {
      const [spans, reads, slide] = [this.spans.get(op)!, this.reads.get(op)!, this.slides.get(op) ?? null];
      return { op, spans, reads, tiles: tiles(op), steps: steps(op), slide };
    });
  }

  /** The loops around an operator: down to the last that moves it. */
  private depth(op: TileOp): number {
    if (this.stream?.starts.has(op)) return this.loops.length - 1;
    const moved = this.isBorder(op) ? this.others(op)[0] : op;
    return this.depthOf([...(this.spans.get(moved)?.values() ?? [])].map((s) => s.lo));
  }

  private depthOf(forms: readonly Linear[]): number {
    const axes = forms.flatMap((l) => [...l.terms.keys()].flatMap((t) => (t.op === 'axis' ? [t.arg] : [])));
    return Math.max(0, ...axes.map((a) => this.depths.get(a)!));
  }

  nodes(): Nodes<TileOp> {
    for (const [t, place] of this.scratch) {
      const shape = place.map((s) => s.size);
      this.tensors.set(t, newTensor(t.name, t.dtype, shape, 'temp'));
    }
    let nodes: Nodes<TileOp> = [];
    for (let depth = this.loops.length; depth >= 0; depth--) {
      const lets = this.lets.filter((l) => this.depths.get(l.axis) === depth);
      const all = this.ops.filter((op) => this.depth(op) === depth);
      const written = (op: TileOp): Node<TileOp>[] => (this.isBorder(op) ? this.fill(op, depth) : this.made(op));
      // What does not move with the loops inside feeds them, except for what ends a stream.
      const ends = (op: TileOp): boolean => nodes.length > 0 && this.stream !== null && op === this.ops.at(-1);
      const [before, after] = [all.filter((op) => !ends(op)), all.filter(ends)];
      nodes = [...lets, ...before.flatMap(written), ...nodes, ...after.flatMap(written)];
      if (this.stream && depth === this.loops.length) nodes = [...nodes, ...this.carried(this.stream)];
      if (depth === this.loops.length) nodes = [...nodes, ...this.kept()];
      if (depth > 0) nodes = [{ ...this.loops[depth - 1], body: nodes }];
    }
    return nodes;
  }

  private isBorder(op: TileOp): boolean {
    return isFill(op) && this.others(op).length > 0;
  }

  private loop(a: Axis, step: number): Span {
    if (step >= a.extent) return whole(a.extent);
    const axis = newAxis(`o${this.loops.length}`, a.extent - step + 1);
    this.push(axis, a.extent, step);
    return { lo: { constant: 0, terms: new Map([[axisExpr(axis), 1]]) }, size: step };
  }

  private push(axis: Axis, extent: number, step: number): void {
    this.loops.push({ kind: 'loop', axis, extent, step, body: [] });
    this.depths.set(axis, this.loops.length);
  }

  /** Copies that make what a step of a stream has made the state of the next. */
  private carried({ carried }: Stream): Node<TileOp>[] {
    return carried.map(([from, to]) => {
      const [made, state] = [this.tensors.get(from)!, this.tensors.get(to)!];
      return leaf(over('carry', state, (at) => load(made, at)));
    });
  }

  /** Other operators that write the same tensor. */
  private others(op: TileOp): TileOp[] {
    return this.ops.filter((o) => o !== op && owner(o.write) === owner(op.write));
  }

  /** The spans of an operator's axes: what its readers need, or the cut of the last operator where none reads it. */
  private member(op: TileOp, root: TileOp, cut: Cut): Map<Axis, Span> | null {
    const target = owner(op.write);
    const later = this.ops.slice(this.ops.indexOf(op) + 1);
    const readers = later.filter((o) => accessesOf(o).some((a) => a.target === target));
    if (readers.length === 0) return this.beside(op, root, cut);
    const at = written(op);
    const legible = readers.every((r) => accessesOf(r).every((a) => a.target !== target || a.at));
    if (!at || !legible) return null;
    const need = this.need(readers, target);
    const padded = this.others(op).length > 0;
    if (this.shared(target) && !need.every((s, d) => this.covers(s, target.shape[d]))) return null;
    const spans = new Map(op.axes.map((a): [Axis, Span] => [a, whole(a.extent)]));
    const slides = this.stream === null && !this.shared(target);
    /** Whether tiles lie within the operator along all other dimensions. */
    const still = (d: number): boolean =>
      need.every(({ lo, size }, k) => {
        const { axis, offset } = storedAxis(at[k]) ?? { axis: null, offset: 0 };
        const [low, high] = bounds(lo) ?? [-1, -1];
        return k === d || !axis || size >= axis.extent || (low >= offset && high + size <= axis.extent + offset);
      });
    const base = need.map((span, d): Span => {
      const stored = storedAxis(at[d]);
      if (!stored?.axis) return whole(target.shape[d]);
      const { axis, offset } = stored;
      const wanted = { lo: plus(span.lo, fixed(-offset)), size: span.size };
      const slide = slides ? slideOf(op, wanted, axis, d, this.loops.at(-1)) : null;
      if (slide && still(d)) {
        this.slides.set(op, slide);
        this.held.set(op, new Map([[axis, this.clamped(wanted, axis.extent, null)]]));
        spans.set(axis, this.clamped({ lo: plus(wanted.lo, fixed(slide.kept)), size: slide.step }, axis.extent, null));
        return span;
      }
      const own = this.clamped(wanted, axis.extent, padded ? target : null);
      spans.set(axis, own);
      if (!padded) return own;
      if (own.size === axis.extent && own.lo.terms.size === 0) return whole(target.shape[d]);
      // A moved origin writes beside what is needed: room for that on both sides.
      const [low, high] = bounds(wanted.lo)!;
      const [under, over] = [Math.max(0, -low), Math.max(0, high + wanted.size - axis.extent)];
      return { lo: plus(span.lo, fixed(-over)), size: span.size + under + over };
    });
    if (!this.shared(target)) this.scratch.set(target, base);
    if (this.held.has(op)) this.held.set(op, new Map([...spans, ...this.held.get(op)!]));
    return spans;
  }

  /** An operator that nothing in the graph reads, cut like the last one where their outer axes agree. */
  private beside(op: TileOp, root: TileOp, cut: Cut): Map<Axis, Span> | null {
    if ([...cut.keys()].some((i) => op.axes[i]?.extent !== root.axes[i].extent)) return null;
    const own = this.spans.get(root)!;
    return new Map(op.axes.map((a, i) => [a, cut.has(i) ? own.get(root.axes[i])! : whole(a.extent)]));
  }

  /** Whether the spans of all tiles together are the whole dimension. */
  private covers({ lo, size }: Span, extent: number): boolean {
    if (size === extent) return true;
    const [[term, c] = [], ...others] = lo.terms;
    const loop = this.loops.find((l) => axisExpr(l.axis) === term);
    if (!loop || others.length > 0 || c !== 1) return false;
    const [low, high] = bounds(lo)!;
    return low <= 0 && high + size >= extent && size >= loop.step;
  }

  private need(readers: readonly TileOp[], target: TileTensor): Span[] {
    const all = readers.map((r) => this.reads.get(r)!.get(target)!);
    return target.shape.map((extent, d) => {
      const [first, ...rest] = all.map((s) => s[d]);
      const offsets = [0, ...rest.map((s) => distance(first.lo, s.lo))];
      if (offsets.includes(null)) return whole(extent);
      const low = Math.min(...(offsets as number[]));
      const size = Math.max(...all.map((s, i) => offsets[i]! + s[d].size)) - low;
      return size < extent ? { lo: plus(first.lo, fixed(low)), size } : whole(extent);
    });
  }

  /** The span moved into [0, extent): it then still holds all of the wanted that exists. */
  private clamped(span: Span, extent: number, padded: TileTensor | null): Span {
    if (span.size >= extent) return whole(extent);
    const [low, high] = bounds(span.lo)!;
    if (low >= 0 && high + span.size <= extent) return span;
    const axis = newAxis('m', extent - span.size + 1);
    const wanted = fromLinear(span.lo);
    this.depths.set(axis, this.depthOf([span.lo]));
    this.lets.push({ kind: 'let', axis, value: min(max(wanted, index(0)), index(extent - span.size)) });
    if (padded) this.moved.set(padded, [...(this.moved.get(padded) ?? []), ne(axisExpr(axis), wanted)]);
    return { lo: { constant: 0, terms: new Map([[axisExpr(axis), 1]]) }, size: span.size };
  }

  /** A border is filled for the first tile and wherever the tile reaches over the edge. */
  private fill(op: TileOp, depth: number): Node<TileOp>[] {
    const target = owner(op.write);
    const made = this.tensors.get(target);
    const slide = this.slides.get(this.others(op)[0]);
    if (made && slide) return this.filled(op, made, slide);
    const filling = made ? [filler(op, made)] : borderOnly(op, this.others(op)[0]);
    const first = this.loops.slice(0, depth).map((l) => eq(axisExpr(l.axis), index(0)));
    const start = first.reduce((a, b) => and(a, b), constant('bool', 1));
    const cond = (made ? (this.moved.get(target) ?? []) : []).reduce((a, b) => or(a, b), start);
    return [{ kind: 'when', cond, body: filling.map(leaf) }];
  }

  /** Where rows are kept, the border is all of the first tile, and the last rows of the last. */
  private filled(op: TileOp, made: TileTensor, { dim, over }: Slide): Node<TileOp>[] {
    const { axis, extent, step } = this.loops.at(-1)!;
    const at = (origin: number, body: TileOp): Node<TileOp> => {
      return { kind: 'when', cond: eq(axisExpr(axis), index(origin)), body: [leaf(body)] };
    };
    const first = at(0, filler(op, made));
    return over > 0 ? [first, at(extent - step, filler(op, made, { dim, count: over }))] : [first];
  }

  /** The operator for every tile, and for the first one the rows that later ones keep. */
  private made(op: TileOp): Node<TileOp>[] {
    const slide = this.slides.get(op);
    const rows = slide ? firstRows(slide) : null;
    if (!slide || !rows) return [this.node(op)];
    const spans = new Map([...this.spans.get(op)!, [slide.axis, rows] as const]);
    const cond = eq(axisExpr(this.loops.at(-1)!.axis), index(0));
    return [{ kind: 'when', cond, body: [this.node(op, spans)] }, this.node(op)];
  }

  private kept(): Node<TileOp>[] {
    return [...this.slides].map(([op, slide]) => leaf(keeping(this.tensors.get(owner(op.write))!, slide)));
  }

  /** The operator over the axes of one tile. */
  private node(op: TileOp, spans: Spans = this.spans.get(op)!): Node<TileOp> {
    const inner = new Map<Axis, Axis>();
    const values = new Map<Axis, Expr>();
    for (const [a, { lo, size }] of spans) {
      const from = fromLinear(lo);
      if (size > 1) inner.set(a, newAxis(a.name, size));
      const own = inner.get(a);
      values.set(a, own ? (isConst(from) && from.arg === 0 ? axisExpr(own) : add(from, axisExpr(own))) : from);
    }
    const moved = rebuildOp(op, (e, src) => {
      if (e.op === 'axis') return values.get(e.arg);
      const tensor = isLoad(e) ? this.tensors.get(owner(e.arg)) : undefined;
      return isLoad(e) && tensor
        ? loadFrom(e, tensor, this.within(e.arg, src.slice(0, indicesOf(e).length)), src)
        : undefined;
    });
    const result = { ...moved, axes: op.axes.flatMap((a) => inner.get(a) ?? []) };
    const write = this.tensors.get(owner(op.write));
    return leaf(write ? { ...result, write, at: this.within(op.write, result.at) } : result);
  }

  /** Indices into the shrunk tensor. */
  private within(t: TileTensor, at: readonly Expr[]): Expr[] {
    const base = this.scratch.get(owner(t))!;
    return baseIndices(t, at)!.map((e, d) => fromLinear(plus(linearise(e), base[d].lo, -1)));
  }
}

type Shared = (t: TileTensor) => boolean;

/** How the operators are cut; null where their tiles cannot be told. `shared` tensors are seen outside. */
export function cutPlan(ops: readonly TileOp[], shared: Shared, cut: Cut, stream: Stream | null = null): Plan | null {
  const cutter = new Cutter(ops, shared, cut, stream);
  return cutter.legal ? cutter : null;
}

/** The operators cut into tiles as a legal plan says; a stream stands for them. */
export function cutGraph(ops: readonly TileOp[], shared: Shared, cut: Cut, stream: Stream | null = null): TileGraph {
  const cutter = new Cutter(stream?.ops ?? ops, shared, cut, stream);
  return { nodes: cutter.nodes(), members: cutter.members, scratch: cutter.scratch, ops };
}

/** One operator as a graph of its own, not cut; of a fill only what `inner` does not store as well. */
export function single(op: TileOp, inner?: TileOp): TileGraph {
  const spans = new Map(op.axes.map((a): [Axis, Span] => [a, whole(a.extent)]));
  const nodes = (isFill(op) ? borderOnly(op, inner) : [op]).map(leaf);
  const member = { op, spans, reads: propagate(op, spans), tiles: 1, steps: 1, slide: null };
  return { nodes, members: [member], scratch: new Map(), ops: [op] };
}
