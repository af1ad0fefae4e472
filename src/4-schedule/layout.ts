// Layouts of tensors between operators, chosen once per island of operators that pass them on. In: a tile program. Out:
// the same program over tensors in another element order. Where constants are indexed by dimensions that are not the
// last (the channels of convolutions), those dimensions move to the end: then neighbours in memory are what vectors
// hold, in every operator of the island. A layout is a cut of the row-major order, so reshapes keep it as long as they
// cut at the same places; tensors that others see, or that are reshaped across a cut, stay as they are.
import { type Axis, axisExpr, type Expr, isLoad, load } from '../3-tile/expr.ts';
import { walkExpr } from '../3-tile/rewrite.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import type { Step, TileOp, TileProgram } from '../3-tile/tile-op.ts';
import { elementCount } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { indicesOf, loadFrom, over, rebuildOp, transform } from './transform.ts';
import { elemRoots, loadsBelow, loadsOf, mapOps, ownEffects, walkSteps } from './welder/region.ts';

/** Logical position (p·block + b)·after + s is stored at (p·after + s)·block + b. */
type Layout = Readonly<{ block: number; after: number }>;

/** Where a shape is cut: dimensions from `from` below `to` are the block. */
type Cut = Readonly<{ from: number; to: number }>;

/** The dimensions of a shape that are the block of a layout; null where one of them spans a cut. */
function cutOf(shape: readonly number[], { block, after }: Layout): Cut | null {
  let [to, rest] = [shape.length, 1];
  while (to > 0 && rest < after) rest *= shape[--to];
  let [from, inside] = [to, 1];
  while (from > 0 && inside < block) inside *= shape[--from];
  return rest === after && inside === block ? { from, to } : null;
}

const permuted = <T>(xs: readonly T[], { from, to }: Cut): T[] => [
  ...xs.slice(0, from),
  ...xs.slice(to),
  ...xs.slice(from, to),
];

/** A tensor as one operator meets it. */
type Site = Readonly<{ tensor: TileTensor; at: readonly Expr[] }>;

const sitesOf = (op: TileOp): Site[] => [
  { tensor: op.write, at: op.at },
  ...loadsOf(op).map((e) => ({ tensor: e.arg, at: indicesOf(e) })),
];

const axesOf = (e: Expr): Axis[] => walkExpr(e).flatMap((x) => (x.op === 'axis' && x.arg.extent > 1 ? [x.arg] : []));

/** Owners whose element order is seen by something else than operators. */
function pinnedOf({ inputs, outputs, steps, checks }: TileProgram): Set<TileTensor> {
  const pinned = new Set([...inputs, ...outputs, ...checks.map((c) => c.ok)].map(owner));
  for (const s of walkSteps(steps)) {
    if (s.kind === 'op') continue;
    const { reads, writes } = ownEffects(s);
    for (const t of [...reads, ...writes]) pinned.add(t);
  }
  return pinned;
}

/** The axes along which a reduction's constants differ: those of its output channels, or of its input channels. */
function ownAxes(op: TileOp, role: Axis['role']): Set<Axis> {
  const constants = loadsBelow(elemRoots(op)).filter((e) => owner(e.arg).data);
  return new Set(constants.flatMap((e) => e.src.flatMap(axesOf)).filter((a) => a.role === role));
}

/** Whether the last dimension along one of these axes is followed by one that varies. */
const inside = (at: readonly Expr[], axes: ReadonlySet<Axis>): boolean => {
  const last = at.findLastIndex((e) => axesOf(e).some((a) => axes.has(a)));
  return last >= 0 && at.slice(last + 1).some((e) => axesOf(e).length > 0);
};

/** Elements side by side from which vectors of the largest tiles are as good as full. */
const LONG_RUN = 384;

/**
 * Whether a reduction multiplies what the caller sees as it is stored: matrices, of which neighbours in memory are
 * neighbours in the result and enough to fill vectors. Turning them would only be work.
 */
function runsAlong(op: TileOp, seen: ReadonlySet<TileTensor>): boolean {
  let run = 1;
  const last = op.at.toReversed().flatMap(axesOf);
  const images = loadsBelow(elemRoots(op)).filter((e) => !owner(e.arg).data);
  const along = images.map((e) =>
    indicesOf(e)
      .toReversed()
      .filter((x) => axesOf(x).length > 0),
  );
  for (const [i, a] of last.entries()) {
    if (!along.every((at) => at[i] === axisExpr(a))) break;
    run *= a.extent;
  }
  return run >= LONG_RUN && images.every((e) => seen.has(owner(e.arg)));
}

const copyOf = (from: TileTensor, to: TileTensor): TileOp => over('layout', to, (at) => load(from, at));

/**
 * Reductions of an island work on copies of what the caller sees: an island's border is a transposition in one pass,
 * not in every access.
 */
function gated(program: TileProgram): TileProgram {
  const [ins, outs] = [new Set(program.inputs), new Set(program.outputs)];
  const copies = new Map<TileTensor, TileTensor>();
  const steps = program.steps.flatMap((s): Step[] => {
    if (s.kind !== 'op' || !s.reduce) return [s];
    const own = ownAxes(s, 'spatial');
    const before: Step[] = [];
    const fromCopy = (e: Expr, src: readonly Expr[]): Expr | undefined => {
      if (!isLoad(e) || !ins.has(owner(e.arg)) || !inside(indicesOf(e), own)) return undefined;
      let copy = copies.get(e.arg);
      if (!copy) {
        copies.set(e.arg, (copy = newTensor(e.arg.name, e.arg.dtype, e.arg.shape, 'temp')));
        before.push(copyOf(e.arg, copy));
      }
      return loadFrom(e, copy, src.slice(0, copy.shape.length), src);
    };
    const op = { ...s, reduce: { ...s.reduce, elems: s.reduce.elems.map((e) => transform(e, fromCopy)) } };
    if (!outs.has(owner(op.write)) || !inside(op.at, own)) return [...before, op];
    const write = newTensor(op.write.name, op.write.dtype, op.write.shape, 'temp');
    return [...before, { ...op, write }, copyOf(write, op.write)];
  });
  return { ...program, steps };
}

class Layouts {
  private readonly chosen = new Map<TileTensor, Layout>();
  private readonly pinned: ReadonlySet<TileTensor>;
  private readonly sites = new Map<TileTensor, (readonly Site[])[]>();
  private readonly moved = new Map<TileTensor, TileTensor>();

  constructor(program: TileProgram) {
    this.pinned = pinnedOf(program);
    const ops = [...walkSteps(program.steps)].filter((s) => s.kind === 'op');
    for (const op of ops) {
      const all = sitesOf(op);
      for (const t of new Set(all.map((s) => owner(s.tensor)))) this.sites.set(t, [...(this.sites.get(t) ?? []), all]);
    }
    for (const op of ops) this.seed(op);
  }

  get size(): number {
    return this.chosen.size;
  }

  /** Starts islands at a reduction over constants: where its own dimensions, or those it sums, are not the last ones. */
  private seed(op: TileOp): void {
    if (runsAlong(op, this.pinned)) return;
    const own = ownAxes(op, 'spatial');
    if (own.size > 0) this.spread({ tensor: op.write, at: op.at }, own);
    const summed = ownAxes(op, 'reduce');
    for (const e of loadsBelow(elemRoots(op))) {
      const at = indicesOf(e);
      const whole = at.flatMap((x) => (x.op === 'axis' && summed.has(x.arg) ? [x.arg] : []));
      if (whole.length > 0) this.spread({ tensor: e.arg, at }, new Set(whole));
    }
  }

  /** Gives the site's tensor the layout with these axes last, and what meets it along them a matching one. */
  private spread(first: Site, axes: ReadonlySet<Axis>): void {
    const pending: [Site, ReadonlySet<Axis>][] = [[first, axes]];
    for (let next = pending.pop(); next; next = pending.pop()) {
      const layout = this.choose(next[0], next[1]);
      if (!layout) continue;
      const t = owner(next[0].tensor);
      for (const all of this.sites.get(t)!) {
        const along = new Set<Axis>();
        for (const s of all) {
          if (owner(s.tensor) !== t) continue;
          const { from, to } = cutOf(s.tensor.shape, layout)!;
          for (const a of s.at.slice(from, to).flatMap(axesOf)) if (a.role === 'spatial') along.add(a);
        }
        if (along.size > 0) for (const s of all) pending.push([s, along]);
      }
    }
  }

  /** Chooses a layout for the owner of a site's tensor, if it is free and some later dimension varies. */
  private choose({ tensor, at }: Site, axes: ReadonlySet<Axis>): Layout | null {
    const t = owner(tensor);
    if (this.pinned.has(t) || t.data || this.chosen.has(t) || at.length !== tensor.shape.length) return null;
    const hits = at.flatMap((e, d) => (axesOf(e).some((a) => axes.has(a)) ? [d] : []));
    if (hits.length === 0) return null;
    const [from, to] = [hits[0], hits[hits.length - 1] + 1];
    const { shape } = tensor;
    const layout = { block: elementCount(shape.slice(from, to)), after: elementCount(shape.slice(to)) };
    if (layout.block === 1 || layout.after === 1) return null;
    const own = this.sites.get(t)!.flatMap((all) => all.filter((s) => owner(s.tensor) === t));
    const fits = own.every((s) => s.at.length === s.tensor.shape.length && cutOf(s.tensor.shape, layout));
    if (!fits || !cutOf(t.shape, layout)) return null;
    this.chosen.set(t, layout);
    return layout;
  }

  /** The tensor that takes the place of one with a layout. */
  private tensor(t: TileTensor, cut: Cut): TileTensor {
    return entryOf(this.moved, t, () => {
      const o = owner(t);
      const extra = o === t ? {} : { base: this.tensor(o, cutOf(o.shape, this.chosen.get(o)!)!) };
      return newTensor(t.name, t.dtype, permuted(t.shape, cut), 'temp', extra);
    });
  }

  private cut(t: TileTensor): Cut | null {
    const layout = this.chosen.get(owner(t));
    return layout ? cutOf(t.shape, layout) : null;
  }

  op(op: TileOp): TileOp {
    const result = rebuildOp(op, (e, src) => {
      const cut = isLoad(e) ? this.cut(e.arg) : null;
      if (!isLoad(e) || !cut) return undefined;
      return loadFrom(e, this.tensor(e.arg, cut), permuted(src.slice(0, e.arg.shape.length), cut), src);
    });
    const cut = this.cut(op.write);
    if (!cut) return result;
    const at = permuted(result.at, cut);
    const order = at.flatMap((e) => (e.op === 'axis' ? [e.arg] : []));
    const axes = [...order, ...op.axes.filter((a) => !order.includes(a))];
    return { ...result, axes, write: this.tensor(op.write, cut), at };
  }
}

/** The program with channels last where that suits its operators. */
export function layOut(given: TileProgram): TileProgram {
  const program = gated(given);
  const layouts = new Layouts(program);
  if (layouts.size === 0) return given;
  return { ...program, steps: mapOps(program.steps, (op) => [layouts.op(op)]) };
}
