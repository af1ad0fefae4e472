// A softmax that feeds a product, over steps of its keys (online softmax: Milakov & Gimelshein 2018; FlashAttention, Dao
// 2022): extreme, total and product so far are states that every step rescales, so no row of scores is ever whole. In:
// operators, the last such a product, told by accesses and monoids. Out: those of one step, what they carry, the end.
import {
  type Axis,
  acc,
  add,
  axisExpr,
  constant,
  type Expr,
  eq,
  exp,
  isLoad,
  load,
  max,
  mul,
  newAxis,
  select,
  sub,
} from '../../3-tile/expr.ts';
import { newTensor, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { entryOf } from '../../support/collections.ts';
import { indicesOf, loadFrom, over, rebuildOp, transform } from '../transform.ts';
import { folds, type Powers, placed, powersOf } from './defer.ts';
import { loadsBelow, loadsOf } from './region.ts';

/** Operators that run for every step along an axis. */
export interface Stream {
  /** The origin of a step: 0, step, … in `extent`. */
  readonly axis: Axis;
  readonly extent: number;
  readonly step: number;
  /** In order of execution: what starts states, the steps' operators, the end. */
  readonly ops: readonly TileOp[];
  /** What starts states: before the first step, wherever that is. */
  readonly starts: ReadonlySet<TileOp>;
  readonly inside: ReadonlySet<TileOp>;
  /** What a step has made becomes the state that the next one reads. */
  readonly carried: readonly (readonly [made: TileTensor, state: TileTensor])[];
}

/** `totalRow`: by which total the product divides. */
type Match = Powers & Readonly<{ exps: TileOp; total: TileOp; product: TileOp; totalRow: readonly Expr[] }>;

const f32 = (value: number): Expr => constant('f32', value);
const same = (a: readonly Expr[], b: readonly Expr[]): boolean =>
  a.length === b.length && a.every((e, i) => e === b[i]);

/** The operators of a softmax whose shares the last one sums with something: the sum is divided, not the shares. */
function matched(ops: readonly TileOp[]): Match | null {
  const makers = new Map(ops.map((o) => [o.write, o]));
  const product = ops[ops.length - 1];
  // Σ exponential · value
  const elem = folds(product, 'add') ? product.reduce!.elems[0] : null;
  const power =
    elem?.op === 'mul' ? elem.src.find((e) => e.op === 'load' && makers.get(e.arg)?.value.op === 'exp') : null;
  const exps = power?.op === 'load' ? makers.get(power.arg)! : null;
  const found = exps && powersOf(exps, makers);
  if (power?.op !== 'load' || !exps || !found) return null;
  // times 1 / total
  const shares = loadsBelow([product.value]).filter((e) => folds(makers.get(e.arg) ?? exps, 'add'));
  const [share] = shares;
  if (shares.length !== 1 || share.op !== 'load') return null;
  const total = makers.get(share.arg)!;
  if ([found.peak, exps, total, product].some((o) => o.write.dtype !== 'f32')) return null;
  const summed = axisExpr(product.reduce!.axes[0]);
  if (power.src[exps.at.indexOf(found.key)] !== summed || power.src.filter((e) => e === summed).length !== 1)
    return null;
  if (placed(total, share.src, [summed])?.(total.reduce!.elems[0]) !== power) return null;
  if (loadsBelow([total.value]).length > 0) return null;
  const there = placed(exps, power.src);
  const alike = String(found.peak.write.shape) === String(total.write.shape);
  if (!alike || !there || !same(found.row.map(there), share.src)) return null;
  return { ...found, exps, total, product, totalRow: share.src };
}

/** The dimension along which keys lie of each tensor that these operators write; null where it is not one dimension. */
function keyed(ops: readonly TileOp[], { exps, key }: Match): Map<TileTensor, number> | null {
  const found = new Map([[exps.write, exps.at.indexOf(key)]]);
  const made = new Set(ops.map((o) => o.write));
  for (const op of [exps, ...[...ops].reverse()]) {
    const d = found.get(op.write);
    if (d === undefined) continue;
    if (op.at[d].op !== 'axis') return null;
    for (const e of loadsOf(op)) {
      if (!made.has(e.arg)) continue;
      const at = indicesOf(e).flatMap((x, i) => (x === op.at[d] ? [i] : []));
      if (at.length > 1 || (found.get(e.arg) ?? at[0]) !== at[0]) return null;
      if (at.length === 1) found.set(e.arg, at[0]);
    }
  }
  return found;
}

const temp = (like: TileTensor, shape = like.shape): TileTensor => newTensor(like.name, like.dtype, shape, 'temp');
/** The extreme, or 0 where every score so far is -infinity: what is taken off must leave those at -infinity. */
const finite = (extreme: Expr): Expr => select(eq(extreme, f32(Number.NEGATIVE_INFINITY)), f32(0), extreme);

class Builder {
  readonly axis: Axis;
  private readonly match: Match;
  private readonly step: number;
  private readonly along: ReadonlyMap<TileTensor, number>;
  private readonly short = new Map<TileTensor, TileTensor>();

  constructor(match: Match, along: ReadonlyMap<TileTensor, number>, step: number) {
    this.match = match;
    this.along = along;
    this.step = step;
    this.axis = newAxis('k', match.key.arg.extent - step + 1);
  }

  /** The tensor over the keys of one step. */
  private shortened(t: TileTensor): TileTensor {
    return entryOf(this.short, t, () => temp(t, t.shape.with(this.along.get(t)!, this.step)));
  }

  /** The operator over the keys of one step, `key` among its axes or those it sums; `other`: what loads become first. */
  restricted(
    op: TileOp,
    key: Axis,
    other: (e: Expr, at: readonly Expr[]) => Expr | undefined = () => undefined,
  ): TileOp {
    const own = newAxis(key.name, this.step, key.role);
    const here = add(axisExpr(this.axis), axisExpr(own));
    const within = (e: Expr): Expr => (e === here ? axisExpr(own) : e);
    const moved = rebuildOp(op, (e, src) => {
      if (e.op === 'axis') return e.arg === key ? here : undefined;
      if (!isLoad(e)) return undefined;
      const at = src.slice(0, indicesOf(e).length).map(within);
      return other(e, at) ?? (this.along.has(e.arg) ? loadFrom(e, this.shortened(e.arg), at, src) : undefined);
    });
    const axes = (list: readonly Axis[]): Axis[] => list.map((a) => (a === key ? own : a));
    const reduce = moved.reduce && { ...moved.reduce, axes: axes(moved.reduce.axes) };
    const result = { ...moved, axes: axes(moved.axes), reduce };
    if (!this.along.has(op.write)) return result;
    return { ...result, write: this.shortened(op.write), at: moved.at.map(within) };
  }

  build(before: readonly TileOp[]): Stream {
    const { peak, exps, total, product, key, totalRow } = this.match;
    const [most, sum] = [peak, total].map((o) => ({ state: temp(o.write), made: temp(o.write) }));
    const shape = product.axes.map((a) => a.extent);
    const result = { state: temp(product.write, shape), made: temp(product.write, shape) };
    const states = [most, sum, result];
    const first = [Number.NEGATIVE_INFINITY, 0, 0];
    const start = states.map(({ state }, i) => over(exps.name, state, () => f32(first[i])));
    const rescaled = temp(peak.write);
    const keyOf = (op: TileOp): Axis => op.reduce!.axes[0];
    const steps = before.map((op) => {
      const d = this.along.get(op.write);
      const at = d === undefined ? undefined : op.at[d];
      return at?.op === 'axis' ? this.restricted(op, at.arg) : op;
    });
    const higher = this.restricted(peak, keyOf(peak));
    const peaks = { ...higher, write: most.made, value: max(load(most.state, higher.at), acc(0, 'f32')) };
    const scale = over(exps.name, rescaled, (at) => exp(sub(load(most.state, at), finite(load(most.made, at)))));
    const lower = (e: Expr, at: readonly Expr[]): Expr | undefined =>
      isLoad(e) && e.arg === peak.write ? finite(load(most.made, at)) : undefined;
    const powers = this.restricted(exps, key.arg, lower);
    const more = this.restricted(total, keyOf(total));
    const kept = (state: TileTensor, at: readonly Expr[], at1: readonly Expr[]): Expr =>
      mul(load(state, at), load(rescaled, at1));
    const totals = { ...more, write: sum.made, value: add(kept(sum.state, more.at, more.at), acc(0, 'f32')) };
    const inner = this.restricted(product, keyOf(product));
    const at = product.axes.map(axisExpr);
    const sums = { ...inner, write: result.made, at, value: add(kept(result.state, at, totalRow), acc(0, 'f32')) };
    const share = transform(total.value, (e) => (e.op === 'acc' ? load(sum.made, totalRow) : undefined));
    const value = transform(product.value, (e) => {
      if (e.op === 'acc') return load(result.made, at);
      return isLoad(e) && e.arg === total.write ? share : undefined;
    });
    const end: TileOp = { ...product, reduce: null, value };
    const carried = states.map(({ made, state }) => [made, state] as const);
    const own = steps.filter((op, i) => op !== before[i]);
    const still = steps.filter((op, i) => op === before[i]);
    const all = [...own, peaks, scale, powers, totals, sums];
    const ops = [...still, ...start, ...all, end];
    const [starts, inside] = [new Set(start), new Set(all)];
    return { axis: this.axis, extent: key.arg.extent, step: this.step, ops, starts, inside, carried };
  }
}

/** Steps that are looked at, and keys from which rows of scores are too long to be whole. */
const STEPS = [128, 256, 512];
const MIN_KEYS = 512;

/** The operators over steps of so many keys; null where they are no such softmax, or others see what it makes. */
export function onlineSoftmax(ops: readonly TileOp[], shared: (t: TileTensor) => boolean, step: number): Stream | null {
  const match = matched(ops);
  if (!match || match.key.arg.extent % step !== 0) return null;
  const { peak, exps, total, product } = match;
  const own = [peak, exps, total];
  if (own.some((o) => shared(o.write))) return null;
  const before = ops.filter((o) => o !== product && !own.includes(o));
  const along = keyed(before, match);
  if (!along || [...along.keys()].some(shared)) return null;
  const still = before.filter((o) => !along.has(o.write));
  if (still.some((o) => loadsOf(o).some((e) => along.has(e.arg)))) return null;
  return new Builder(match, along, step).build(before);
}

/** Steps that are looked at for so many keys; none: rows of scores stay whole. */
export type Steps = (keys: number) => readonly number[];

export const keySteps: Steps = (keys) => (keys >= MIN_KEYS ? STEPS : []);

/** Those that divide the keys of these operators; none where they are no softmax that feeds a product. */
export function stepsOf(ops: readonly TileOp[], steps: Steps): readonly number[] {
  const keys = matched(ops)?.key.arg.extent ?? 0;
  return steps(keys).filter((n) => n < keys && keys % n === 0);
}
