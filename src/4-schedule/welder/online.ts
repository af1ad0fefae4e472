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
  isConst,
  isLoad,
  load,
  max,
  mul,
  newAxis,
  select,
  sub,
} from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { newTensor, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { indicesOf, loadFrom, over, rebuildOp, transform } from '../transform.ts';
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

interface Match {
  readonly peak: TileOp;
  readonly exps: TileOp;
  readonly total: TileOp;
  readonly share: TileOp;
  readonly product: TileOp;
  /** The axis of keys and the row of the extreme, as `exps` has them. */
  readonly key: Expr & { readonly arg: Axis };
  readonly row: readonly Expr[];
  /** The load of the shares among the products, and the row of the total there. */
  readonly shares: Expr;
  readonly totalRow: readonly Expr[];
  /** Where the product has no shares at all, and is 0. */
  readonly none: Expr | null;
}

const f32 = (value: number): Expr => constant('f32', value);
const folds = ({ reduce }: TileOp, op: 'add' | 'max'): boolean =>
  reduce?.axes.length === 1 && reduce.monoid.state.join() === 'f32' && reduce.monoid.combine[0].op === op;

const loadOf = (e: Expr, t: TileTensor): boolean => e.op === 'load' && e.arg === t;
const same = (a: readonly Expr[], b: readonly Expr[]): boolean =>
  a.length === b.length && a.every((e, i) => e === b[i]);

/** Expressions over the axes of an operator, where it stores at these indices; null where it stores elsewhere. */
function placed(op: TileOp, at: readonly Expr[], reduced: readonly Expr[] = []): ((e: Expr) => Expr) | null {
  const values = new Map<Expr, Expr>();
  for (const [d, e] of op.at.entries()) {
    if (e.op === 'axis') values.set(e, at[d]);
    else if (!isConst(e) || e !== at[d]) return null;
  }
  for (const [i, a] of (op.reduce?.axes ?? []).entries()) values.set(axisExpr(a), reduced[i]);
  const memo = new Map<Expr, Expr>();
  return (root) => transform(root, (e) => (e.op === 'axis' ? values.get(e) : undefined), memo);
}

/** The two operands in the order in which the first passes. */
const sorted = ({ src: [a, b] }: Expr, first: (e: Expr) => boolean): readonly [Expr, Expr] | null =>
  first(a) ? [a, b] : first(b) ? [b, a] : null;

/** The operators by their tensors: what the last one sums with something, what that shares out, and so on. */
function chain(ops: readonly TileOp[]): Record<'peak' | 'exps' | 'total' | 'share' | 'product', TileOp> | null {
  const makers = new Map(ops.map((o) => [o.write, o]));
  const made = (roots: readonly Expr[], test: (o: TileOp) => boolean): TileOp | undefined =>
    loadsBelow(roots)
      .flatMap((e) => makers.get(e.arg) ?? [])
      .find(test);
  const product = ops[ops.length - 1];
  const pointwise = (o: TileOp): boolean => o.reduce === null;
  const share = folds(product, 'add') ? made(product.reduce!.elems, pointwise) : undefined;
  const exps = share && made([share.value], pointwise);
  const total = share && made([share.value], (o) => folds(o, 'add'));
  const peak = exps && made([exps.value], (o) => folds(o, 'max'));
  return exps && total && peak ? { peak, exps, total, share, product } : null;
}

/** The product that a share is, and where it is 0 instead. */
const unguarded = ({ value }: TileOp): readonly [product: Expr, none: Expr | null] =>
  value.op === 'select' && value.src[1] === f32(0) ? [value.src[2], value.src[0]] : [value, null];

function matched(ops: readonly TileOp[]): Match | null {
  const found = chain(ops);
  if (!found || Object.values(found).some((o) => o.write.dtype !== 'f32')) return null;
  const { peak, exps, total, share, product } = found;
  // exp(score - extreme)
  const { value } = exps;
  const [score, extreme] = value.op === 'exp' && value.src[0].op === 'sub' ? value.src[0].src : [];
  if (!extreme || !loadOf(extreme, peak.write) || peak.value !== acc(0, 'f32')) return null;
  const keys = exps.at.filter((e) => e.op === 'axis' && e.arg.extent > 1 && !extreme.src.includes(e));
  const [key] = keys;
  if (keys.length !== 1 || key.op !== 'axis' || key.arg.extent !== peak.reduce!.axes[0].extent) return null;
  if (placed(peak, extreme.src, [key])?.(peak.reduce!.elems[0]) !== score) return null;
  // exponential · 1 / total
  const [shared, none] = unguarded(share);
  const factors = shared.op === 'mul' ? sorted(shared, (e) => loadOf(e, exps.write)) : null;
  if (!factors || !loadOf(factors[1], total.write) || !same(factors[0].src, share.at)) return null;
  const shareKey = share.at[exps.at.indexOf(key)];
  if (none && walkExpr(none).includes(shareKey)) return null;
  if (placed(total, factors[1].src, [shareKey])?.(total.reduce!.elems[0]) !== factors[0]) return null;
  if (loadsBelow([total.value]).length > 0) return null;
  const row = placed(exps, share.at)!;
  if (!same(extreme.src.map(row), factors[1].src) || String(peak.write.shape) !== String(total.write.shape))
    return null;
  // Σ share · value
  const elem = product.reduce!.elems[0];
  const operands = elem.op === 'mul' ? sorted(elem, (e) => loadOf(e, share.write)) : null;
  const summed = axisExpr(product.reduce!.axes[0]);
  if (!operands || operands[0].src[share.at.indexOf(shareKey)] !== summed) return null;
  if (operands[0].src.filter((e) => e === summed).length !== 1) return null;
  const there = placed(share, operands[0].src)!;
  return {
    ...found,
    key,
    row: extreme.src,
    shares: operands[0],
    totalRow: factors[1].src.map(there),
    none: none && there(none),
  };
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
    let made = this.short.get(t);
    if (!made) this.short.set(t, (made = temp(t, t.shape.with(this.along.get(t)!, this.step))));
    return made;
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
    const { peak, exps, total, product, key, shares, totalRow, none } = this.match;
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
    const unshared = (e: Expr, at: readonly Expr[]): Expr | undefined =>
      e === shares ? load(this.shortened(exps.write), at) : undefined;
    const inner = this.restricted(product, keyOf(product), unshared);
    const at = product.axes.map(axisExpr);
    const sums = { ...inner, write: result.made, at, value: add(kept(result.state, at, totalRow), acc(0, 'f32')) };
    const share = transform(total.value, (e) => (e.op === 'acc' ? load(sum.made, totalRow) : undefined));
    const factor = none ? select(none, f32(0), share) : share;
    const value = transform(product.value, (e) => (e.op === 'acc' ? mul(load(result.made, at), factor) : undefined));
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
  const { peak, exps, total, share, product } = match;
  const own = [peak, exps, total, share];
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
