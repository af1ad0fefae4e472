// Expressions at one point of a register tile. In: nodes over axes, the base index of every axis and
// the point's offsets. Out: the same values over locals, with constant offsets gathered in the
// indices, as scalars or across the lanes of the vector axis.
import { type Axis, add, type Expr, index, isLoad, makeExpr, shuffle } from '../3-tile/expr.ts';
import { withSrc } from '../3-tile/rewrite.ts';
import { fromLinear, type Linear } from '../4-schedule/linear.ts';
import { type Memo, transform } from '../4-schedule/transform.ts';
import { meeting, onLanes, turns } from '../4-schedule/vectors.ts';
import { entryOf } from '../support/collections.ts';

/** What all points of a tile share. */
export interface PointScope {
  readonly lanes: number;
  readonly vector: Axis | null;
  /** An axis along which loads that suit it are vectors, turned into vectors along the other. */
  readonly turned: Axis | null;
  /** Linear index of every load, and which axes every node depends on. */
  readonly linears: ReadonlyMap<Expr, Linear>;
  readonly deps: ReadonlyMap<Expr, ReadonlySet<Axis>>;
  /** The first index of the tile on each axis. */
  readonly bases: ReadonlyMap<Axis, Expr>;
  /** Loop indices, outer first: the order in which index sums are built. */
  readonly order: readonly Expr[];
  /** Nodes that every point has alike, and their values so far: per lane, and across lanes. */
  readonly alike: ReadonlySet<Expr>;
  readonly scalars: Map<Expr, Expr>[];
  readonly vectors: Map<Expr, Expr>;
  /** Turned squares of elements: the columns, by what is loaded where. */
  readonly blocks: Map<string, readonly Expr[]>;
  /** What the terms of an index are at the first point. */
  readonly sums: Map<Linear['terms'], Linear>;
}

/** What depends on none of these axes and on no placeholder. */
export function alikeAlong(moving: ReadonlySet<Axis>, deps: PointScope['deps']): Set<Expr> {
  const alike = new Set<Expr>();
  for (const e of deps.keys()) {
    const moves = e.op === 'axis' ? moving.has(e.arg) : e.op === 'acc' || e.op === 'elem';
    if (!moves && e.src.every((s) => alike.has(s))) alike.add(e);
  }
  return alike;
}

/** The values of one point, of which those that all points have alike are found by all. */
function valuesOf(alike: ReadonlySet<Expr>, shared: Map<Expr, Expr>): Memo {
  const own = new Map<Expr, Expr>();
  const place = (e: Expr): Map<Expr, Expr> => (alike.has(e) ? shared : own);
  return { get: (e) => place(e).get(e), set: (e, to) => place(e).set(e, to) };
}

/** A scalar repeated in all lanes; vectors stay. */
export const splat = (e: Expr, lanes: number): Expr =>
  e.lanes === lanes ? e : makeExpr('splat', e.dtype, [e], null, lanes);

export const lane = (e: Expr, i: number): Expr => makeExpr('lane', e.dtype, [e], i);
export const pack = (parts: readonly Expr[]): Expr => makeExpr('pack', parts[0].dtype, parts, null, parts.length);

/** The node across `lanes`, given operands of which some are vectors. */
export function widened(e: Expr, src: readonly Expr[], lanes: number): Expr {
  const wide = src.map((s) => splat(s, lanes));
  return makeExpr(e.op, e.dtype, wide, e.arg as never, lanes);
}

export class Point {
  private readonly scope: PointScope;
  private readonly offsets: ReadonlyMap<Axis, number>;
  private readonly scalars: Memo[] = [];
  private readonly vectors: Memo;
  /** What `acc` and `elem` placeholders stand for. */
  private readonly placeholders: ReadonlyMap<string, Expr>;

  constructor(scope: PointScope, offsets: Point['offsets'], placeholders: Point['placeholders'] = new Map()) {
    this.scope = scope;
    this.offsets = offsets;
    this.placeholders = placeholders;
    this.vectors = valuesOf(scope.alike, scope.vectors);
  }

  /** The value at this point: a vector where it depends on the vector axis, else a scalar. */
  readonly value = (e: Expr): Expr =>
    this.scope.vector === null ? this.scalar(e, 0) : transform(e, this.vectorNode, this.vectors, this.visits);

  /** From now on `e` has this value, which `value` gave before. */
  bind(e: Expr, to: Expr): void {
    (this.scope.vector === null ? this.scalars[0] : this.vectors).set(e, to);
  }

  /** The scalar value in one lane. */
  scalar(e: Expr, laneOffset: number): Expr {
    const { alike, scalars } = this.scope;
    const memo = (this.scalars[laneOffset] ??= valuesOf(alike, (scalars[laneOffset] ??= new Map())));
    const visits = (n: Expr, operand: number): boolean => this.visits(n, operand, laneOffset);
    return transform(e, (n, src) => this.scalarNode(n, src, laneOffset), memo, visits);
  }

  /** Not indices, which are rebuilt from their linear forms, and of a selection only the side that is decided. */
  private readonly visits = (e: Expr, operand: number, laneOffset: number | null = null): boolean => {
    if (isLoad(e)) return operand > 0;
    const side = this.decided(e, laneOffset);
    return side === null || side === operand;
  };

  /** The operand that a selection gives here: unrolled axes choose while code is made. `laneOffset` null: in all lanes. */
  private decided(e: Expr, laneOffset: number | null, [cond] = e.src): number | null {
    if (e.op !== 'select' || cond.op !== 'eq' || cond.src[1].op !== 'const') return null;
    const [by, value] = cond.src;
    if (by.op === 'const') return by === value ? 1 : 2;
    if (by.op !== 'axis' || (laneOffset === null && by.arg === this.scope.vector)) return null;
    const { op, arg } = this.scope.bases.get(by.arg)!;
    return op !== 'const' ? null : Number(arg) + this.offset(by.arg, laneOffset ?? 0) === value.arg ? 1 : 2;
  }

  /** A flat index, its constant last. */
  index({ constant, terms }: Linear, laneOffset: number): Expr {
    const { sums } = this.scope;
    const sum = sums.get(terms) ?? this.sum(terms, laneOffset);
    if ([...terms.keys()].every((t) => t.op === 'axis')) sums.set(terms, sum);
    let at = constant + sum.constant;
    for (const [t, c] of terms) if (t.op === 'axis') at += c * this.offset(t.arg, laneOffset);
    return fromLinear({ constant: at, terms: sum.terms });
  }

  /** The terms at the first point of a tile as one. */
  private sum(all: Linear['terms'], laneOffset: number): Linear {
    const terms = new Map<Expr, number>();
    let constant = 0;
    for (const [t, c] of all) {
      const term = t.op === 'axis' ? this.scope.bases.get(t.arg)! : this.scalar(t, laneOffset);
      if (t.op === 'axis' && term.op === 'const') constant += c * Number(term.arg);
      else terms.set(term, (terms.get(term) ?? 0) + c);
    }
    const one = terms.size > 0 ? [[fromLinear({ constant: 0, terms }, this.scope.order), 1] as const] : [];
    return { constant, terms: new Map(one) };
  }

  private offset(axis: Axis, laneOffset: number): number {
    return (this.offsets.get(axis) ?? 0) + (axis === this.scope.vector ? laneOffset : 0);
  }

  private axis(axis: Axis, laneOffset: number): Expr {
    const base = this.scope.bases.get(axis)!;
    const offset = this.offset(axis, laneOffset);
    if (base.op === 'const') return index(Number(base.arg) + offset);
    return offset === 0 ? base : add(base, index(offset));
  }

  private scalarNode(e: Expr, src: readonly Expr[], laneOffset: number): Expr {
    if (e.op === 'axis') return this.axis(e.arg, laneOffset);
    const bound = this.placeholder(e);
    if (bound) return bound.lanes > 1 ? lane(bound, laneOffset) : bound;
    if (!isLoad(e)) return src[this.decided(e, laneOffset, src) ?? -1] ?? withSrc(e, src);
    const at = this.index(this.scope.linears.get(e)!, laneOffset);
    return withSrc(e, [at, ...src.slice(1)]);
  }

  private placeholder(e: Expr): Expr | undefined {
    if (e.op !== 'acc' && e.op !== 'elem') return undefined;
    return this.placeholders.get(`${e.op}${e.arg}`);
  }

  private readonly vectorNode = (e: Expr, src: readonly Expr[]): Expr => {
    const { lanes, vector, deps, linears } = this.scope;
    if (e.op === 'axis' && e.arg === vector) {
      return makeExpr('ramp', 'i32', [this.axis(e.arg, 0)], null, lanes);
    }
    const bound = this.placeholder(e);
    if (bound) return bound;
    if (isLoad(e)) {
      const linear = linears.get(e)!;
      const how = meeting(e, linear, vector!, deps);
      const { turned } = this.scope;
      if (how === 'apart' && turned && turns(e, linear, vector!, turned, deps)) return this.turned(e, linear, turned);
      if (how === 'apart') return this.lanewise(e);
      if (how === 'spread') return this.spread(e, linear);
      const at = this.index(linear, 0);
      if (e.op === 'load') return makeExpr('load', e.dtype, [at], e.arg, how === 'wide' ? lanes : 1);
      if (how === 'same' && src[2].lanes === 1) return withSrc(e, [at, src[1], src[2]]);
      if (how === 'same') return this.lanewise(e);
      return makeExpr(e.op, e.dtype, [at, src[1], splat(src[2], lanes)], e.arg as never, lanes);
    }
    const side = this.decided(e, null, src);
    if (side !== null) return src[side];
    if (src.every((s) => s.lanes === 1)) {
      const varies = src.length > 0 && deps.get(e)?.has(vector!) === true;
      return varies ? this.lanewise(e) : e.op === 'axis' ? this.axis(e.arg, 0) : withSrc(e, src);
    }
    return onLanes(e) ? widened(e, src, lanes) : this.lanewise(e);
  };

  /** Every other element of two vectors that together end with the last one. */
  private spread(e: Expr, linear: Linear): Expr {
    const { lanes } = this.scope;
    const from = (skip: number): Expr => {
      const at = this.index({ ...linear, constant: linear.constant + skip }, 0);
      return makeExpr('load', e.dtype, [at], e.arg as never, lanes);
    };
    const picks = Array.from({ length: lanes }, (_, i) => (2 * i < lanes ? 2 * i : 2 * i + 1));
    return shuffle(from(0), from(lanes - 1), picks);
  }

  /** The vector along the vector axis at this point, of a block of vectors along `axis`. */
  private turned(e: Expr, linear: Linear, axis: Axis): Expr {
    const { lanes, blocks } = this.scope;
    const here = this.offsets.get(axis) ?? 0;
    const start = new Point(this.scope, new Map(this.offsets).set(axis, here - (here % lanes)));
    const row = (i: number): Expr => makeExpr('load', e.dtype, [start.index(linear, i)], e.arg as never, lanes);
    const key = `${e.id} ${row(0).id}`;
    const columns = entryOf(blocks, key, () => transposed(Array.from({ length: lanes }, (_, i) => row(i))));
    return columns[here % lanes];
  }

  /** One scalar per lane. */
  private lanewise(e: Expr): Expr {
    return pack(Array.from({ length: this.scope.lanes }, (_, i) => this.scalar(e, i)));
  }
}

/** Columns of a square of rows: halves of ever smaller blocks change places. */
function transposed(rows: readonly Expr[]): readonly Expr[] {
  const n = rows.length;
  const picks = (f: (lane: number) => number): number[] => Array.from({ length: n }, (_, lane) => f(lane));
  let now = rows;
  for (let h = n / 2; h >= 1; h /= 2) {
    const low = picks((lane) => (lane & h ? lane - h + n : lane));
    const high = picks((lane) => (lane & h ? lane + n : lane + h));
    now = now.map((_, i) => (i & h ? shuffle(now[i - h], now[i], high) : shuffle(now[i], now[i + h], low)));
  }
  return now;
}
