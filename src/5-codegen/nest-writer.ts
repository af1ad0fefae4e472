// One canonical operator under a tile as loop statements: spatial loops over tiles, accumulators as
// named locals, the reduction inside, the stores at the end. Tails shift back where writing twice
// is harmless, else they are peeled into smaller tiles.
import { type Axis, constant, dot, type Expr, fma, type Local, localExpr, newLocal, shuffle } from '../3-tile/expr.ts';
import { constOf, withSrc } from '../3-tile/rewrite.ts';
import { set } from '../3-tile/statements.ts';
import type { Monoid, Stmt, TileOp } from '../3-tile/tile-op.ts';
import { coefficient, type Linear, linearise } from '../4-schedule/linear.ts';
import { accesses } from '../4-schedule/nest.ts';
import { chooseTile } from '../4-schedule/roller/choose.ts';
import { afterSums, operands, SUMS_STRIDE, sumsOf } from '../4-schedule/roller/matrix.ts';
import { extentIn, type Tile } from '../4-schedule/roller/tile.ts';
import { transform } from '../4-schedule/transform.ts';
import { dependences, storedWide } from '../4-schedule/vectors.ts';
import { loadsOf } from '../4-schedule/welder/region.ts';
import type { Device } from '../devices/device.ts';
import { Abreast } from './abreast.ts';
import { linesAhead } from './ahead.ts';
import { countedLoop, shiftedLoop } from './loops.ts';
import { alikeAlong, lane, Point, type PointScope, splat, widened } from './point.ts';

type Offsets = ReadonlyMap<Axis, number>;

/** Accumulators of one spatial point: `chains` independent states. */
type Accumulators = Readonly<{ offsets: Offsets; chains: readonly (readonly Local[])[] }>;

/** All combinations of unrolled positions on these axes, the last axis fastest. */
function positions(axes: readonly Axis[], tile: Tile): Offsets[] {
  let all: Offsets[] = [new Map()];
  for (const axis of axes) {
    const step = axis === tile.vector ? tile.lanes : 1;
    const along = Array.from({ length: Math.ceil(extentIn(tile, axis) / step) }, (_, i) => i * step);
    all = all.flatMap((o) => along.map((i) => new Map(o).set(axis, i)));
  }
  return all;
}

/** Lanes of the narrowest vectors that every target has. */
const NARROWEST = 4;

export class NestWriter {
  private readonly op: TileOp;
  private readonly device: Device;
  private readonly linears: ReadonlyMap<Expr, Linear>;
  private readonly deps: ReadonlyMap<Expr, ReadonlySet<Axis>>;
  private readonly write: Linear;
  /** Storing an element twice gives the same: nothing that is written is read. */
  private readonly idempotent: boolean;
  private readonly bases: Map<Axis, Expr>;
  private readonly around: readonly Axis[];

  /** `origins`: values of the axes that loops around the operator bind. */
  constructor(op: TileOp, aliased: boolean, device: Device, origins: ReadonlyMap<Axis, Expr>) {
    this.op = op;
    this.bases = new Map(origins);
    this.around = [...origins.keys()];
    this.device = device;
    this.write = linearise(op.at[0]);
    const opaque = [...this.write.terms.keys()].filter((t) => t.op !== 'axis');
    const roots = [...(op.reduce?.elems ?? []), op.value, ...opaque];
    this.linears = accesses(roots).linears;
    this.deps = dependences([...roots, op.at[0]]);
    this.idempotent = !aliased && !loadsOf(op).some((e) => e.arg === op.write);
  }

  statements(tile: Tile): readonly Stmt[] {
    return this.spatial(tile, 0);
  }

  private spatial(tile: Tile, depth: number): readonly Stmt[] {
    if (depth === tile.order.length) return this.tileBody(tile);
    const axis = tile.order[depth];
    const step = extentIn(tile, axis);
    const inside = (base: Expr, t: Tile): readonly Stmt[] => {
      this.bases.set(axis, base);
      return this.spatial(t, depth + 1);
    };
    const { extent, name } = axis;
    if (extent % step === 0 || this.idempotent) {
      return shiftedLoop(name, extent, step, (base) => inside(base, tile));
    }
    const whole = extent - (extent % step);
    const rest = peeled(tile, axis);
    return [
      ...countedLoop(name, 0, whole, step, (base) => inside(base, tile)),
      ...countedLoop(name, whole, extent, 1, (base) => inside(base, rest)),
    ];
  }

  /** What all points of a tile share; null: there is one point. */
  private scope(tile: Tile | null): PointScope {
    const { lanes, vector, turned = null, extents } = tile ?? { lanes: 1, vector: null, extents: new Map() };
    const { linears, deps, bases } = this;
    const order = [...bases.values()].filter((b) => b.op === 'local');
    const moving = [...extents].flatMap(([a, n]) => (n > (a === vector ? lanes : 1) ? [a] : []));
    const known = { scalars: [], vectors: new Map(), blocks: new Map(), sums: new Map() };
    return { lanes, vector, turned, linears, deps, bases, order, alike: alikeAlong(new Set(moving), deps), ...known };
  }

  private tileBody(tile: Tile): readonly Stmt[] {
    if (tile.matrix) return this.matrix(tile, tile.matrix);
    const across = isAcross(tile);
    // Lanes vary fastest, then shorter axes: what they load stays in registers, all else is used up at once.
    const lanesLast = tile.order.filter((a) => a !== tile.vector);
    if (this.op.reduce) lanesLast.sort((a, b) => extentIn(tile, b) - extentIn(tile, a));
    if (tile.vector && !across) lanesLast.push(tile.vector);
    const points = positions(lanesLast, tile);
    const { reduce } = this.op;
    if (!reduce) return this.stores(tile, points);
    const accs = points.map((offsets) => this.accumulators(tile, offsets));
    const body: Stmt[] = accs.flatMap((a) => a.chains.flatMap((c) => initial(reduce.monoid, c)));
    body.push(...this.reduction(tile, accs));
    const states = accs.map((a) => {
      const state = across ? this.joined(a, body) : a.chains[0];
      if (across) body.push(...this.remainder(tile, a, state));
      return new Map(state.map((s, i) => [`acc${i}`, localExpr(s)]));
    });
    return [...body, ...this.stores(across ? { ...tile, vector: null, lanes: 1 } : tile, points, states)];
  }

  /** The sums of a tile by matrix instructions: where the operator stores them, or else before what it makes of them. */
  private matrix(tile: Tile, { rows, depth }: Tile['matrix'] & object): readonly Stmt[] {
    const { op, device, write } = this;
    const rest = afterSums(op, tile);
    const at = rest ? constant('i32', 0) : new Point(this.scope(null), new Map()).index(write, 0);
    const [tensor, stride] = rest ? [sumsOf(op), SUMS_STRIDE] : [op.write, coefficient(write, rows)];
    const [m, n, k] = [rows, tile.vector!, depth].map((a) => extentIn(tile, a));
    const body = this.reduction(tile, []);
    const sums: Stmt = { kind: 'contract', tensor, at: [at], stride, rows: m, columns: n, depth: k, body };
    if (!rest) return [sums];
    return [sums, ...new NestWriter(rest, !this.idempotent, device, this.bases).statements(chooseTile(rest, device))];
  }

  private product({ rows, depth }: Tile['matrix'] & object): Stmt {
    const { left, right, form } = operands(this.op, rows)!;
    const strides = { leftStride: coefficient(left.at, rows), rightStride: coefficient(right.at, depth) };
    const point = new Point(this.scope(null), new Map());
    return { kind: 'multiply', form, left: point.value(left.load), right: point.value(right.load), ...strides };
  }

  private accumulators(tile: Tile, offsets: Offsets): Accumulators {
    const { monoid } = this.op.reduce!;
    const lanes = tile.vector ? tile.lanes : 1;
    const count = isAcross(tile) ? extentIn(tile, tile.vector!) / tile.lanes : 1;
    const chains = Array.from({ length: count }, () => monoid.state.map((t, i) => newLocal(`acc${i}`, t, lanes)));
    return { offsets, chains };
  }

  /** The loops over the reduce axes, from `starts` or 0 on, around the combination of all accumulators. */
  private reduction(tile: Tile, accs: readonly Accumulators[], starts: Offsets = new Map()): readonly Stmt[] {
    const { axes } = this.op.reduce!;
    const order = isAcross(tile) ? [...axes.filter((a) => a !== tile.vector), tile.vector!] : axes;
    // What is left of lanes is too little to ask for anything.
    const ahead = (t: Tile, loops: readonly Axis[]) => (starts.size > 0 ? [] : this.ahead(t, loops));
    const level = (depth: number, t: Tile): readonly Stmt[] => {
      if (depth === order.length) return [...ahead(t, order), ...this.combination(t, accs, order)];
      const axis = order[depth];
      const step = extentIn(t, axis);
      const whole = axis.extent - (axis.extent % step);
      const inside = (from: number, to: number, by: number, next: Tile): readonly Stmt[] =>
        countedLoop(axis.name, from, to, by, (base) => {
          this.bases.set(axis, base);
          return level(depth + 1, next);
        });
      const main = inside(starts.get(axis) ?? 0, whole, step, t);
      const unit = axis === t.vector ? t.lanes : 1;
      const rest = { ...t, extents: new Map(t.extents).set(axis, unit) };
      return [...main, ...inside(whole, axis.extent - (axis.extent % unit), unit, rest)];
    };
    const body = [...ahead(tile, []), ...level(0, tile)];
    for (const axis of order) this.bases.delete(axis);
    return body;
  }

  /** Asks for what tiles will read after this one, in the loops of the reduction around or, without, before them. */
  private ahead(tile: Tile, order: readonly Axis[]): readonly Stmt[] {
    const lines = linesAhead(this.op, this.linears, tile, order, this.around, this.device);
    const point = new Point(this.scope(null), new Map());
    return lines.map(({ tensor, at }) => ({ kind: 'fetch', tensor, at: [point.index(at, 0)] }));
  }

  private combination(tile: Tile, accs: readonly Accumulators[], order: readonly Axis[]): readonly Stmt[] {
    if (tile.matrix) return [this.product(tile.matrix)];
    const { elems } = this.op.reduce!;
    const scope = this.scope(tile);
    const chain = (r: Offsets): number => (isAcross(tile) ? r.get(tile.vector!)! / tile.lanes : 0);
    return new Abreast(elems, this.device).each(
      positions(order, tile).flatMap((r) => accs.map((a) => ({ r, a }))),
      ({ r, a }) => new Point(scope, new Map([...a.offsets, ...r])),
      (point, { r, a }) => this.combine(a.chains[chain(r)], elems.map(point.value)),
    );
  }

  /** state = combine(state, elems), all components at once. */
  private combine(state: readonly Local[], elems: readonly Expr[]): Stmt[] {
    const { monoid } = this.op.reduce!;
    if (state.length === 1) return [set(state[0], this.combined(monoid.combine[0], [localExpr(state[0])], elems))];
    const named = elems.map((e, i) => newLocal(`elem${i}`, e.dtype, e.lanes));
    const next = state.map((s) => newLocal(`next${s.name.slice(3)}`, s.dtype, s.lanes));
    const [refs, before] = [named.map(localExpr), state.map(localExpr)];
    return [
      ...named.map((local, i) => set(local, elems[i])),
      ...next.map((local, i) => set(local, this.combined(monoid.combine[i], before, refs))),
      ...state.map((local, i) => set(local, localExpr(next[i]))),
    ];
  }

  private combined(e: Expr, state: readonly Expr[], elems: readonly Expr[]): Expr {
    const { lanes } = state[0];
    const value = transform(e, (n, src) => {
      if (n.op === 'acc') return state[n.arg];
      if (n.op === 'elem') return elems[n.arg];
      return lanes > 1 && src.some((s) => s.lanes > 1) ? widened(n, src, lanes) : withSrc(n, src);
    });
    const { fma: has } = this.device;
    const fused = has === 'all' || (has === 'vectors' && lanes > 1);
    return splat(contracted(value, fused), lanes);
  }

  /** One state from all chains and lanes of a reduction that ran across lanes. */
  private joined(a: Accumulators, body: Stmt[]): readonly Local[] {
    const [first, ...others] = a.chains;
    for (const c of others) body.push(...this.combine(first, c.map(localExpr)));
    const total = newLocal('total', first[0].dtype);
    body.push(set(total, this.folded(localExpr(first[0]))));
    return [total];
  }

  /** The lanes of a vector joined in halves: wide vectors shrink, the narrowest turn. */
  private folded(vector: Expr): Expr {
    let x = vector;
    for (let half = x.lanes / 2; half >= 1; half /= 2) {
      const { lanes } = x;
      const wide = half >= NARROWEST;
      const upper = Array.from({ length: wide ? half : lanes }, (_, i) => (i + half) % lanes);
      const lower = wide ? shuffle(x, x, [...upper.keys()]) : x;
      x = this.combined(this.op.reduce!.monoid.combine[0], [lower], [shuffle(x, x, upper)]);
    }
    return lane(x, 0);
  }

  /** The elements past the last whole vector of a reduction that ran across lanes. */
  private remainder(tile: Tile, a: Accumulators, state: readonly Local[]): readonly Stmt[] {
    const vector = tile.vector!;
    const from = vector.extent - (vector.extent % tile.lanes);
    if (from === vector.extent) return [];
    const scalar = { ...tile, vector: null, lanes: 1, extents: new Map() };
    return this.reduction(scalar, [{ offsets: a.offsets, chains: [state] }], new Map([[vector, from]]));
  }

  /** What the points store; `states`: what their accumulators are. */
  private stores(tile: Tile, points: readonly Offsets[], states: readonly ReadonlyMap<string, Expr>[] = []): Stmt[] {
    const scope = this.scope(tile);
    // What a point reads may not wait for what another one stores; points along other axes share work in registers.
    const along = this.op.reduce !== null || [...tile.extents].every(([a, n]) => a === tile.vector || n === 1);
    const wide = tile.vector !== null && storedWide(this.op.write, this.write, tile.vector, this.deps);
    const side = new Abreast(this.idempotent && along ? [this.op.value] : [], this.device);
    return side.each(
      [...points.keys()],
      (i) => new Point(scope, points[i], states[i]),
      (point) => this.store(tile, point, wide),
    );
  }

  private store(tile: Tile, point: Point, wide: boolean): readonly Stmt[] {
    const { op, write } = this;
    const value = point.value(op.value);
    const to = (at: Expr, v: Expr): Stmt => ({ kind: 'store', tensor: op.write, at: [at], value: v });
    if (!tile.vector) return [to(point.index(write, 0), value)];
    const all = splat(value, tile.lanes);
    if (wide) return [to(point.index(write, 0), all)];
    const local = newLocal('out', all.dtype, tile.lanes);
    const stores = Array.from({ length: tile.lanes }, (_, i) => to(point.index(write, i), lane(localExpr(local), i)));
    return [set(local, all), ...stores];
  }
}

/** Whether the lanes are points of the reduction. */
const isAcross = (tile: Tile): boolean => tile.vector?.role === 'reduce';

const initial = (monoid: Monoid, state: readonly Local[]): Stmt[] =>
  state.map((local, i) => set(local, splat(constant(local.dtype, monoid.init[i]), local.lanes)));

/** a·b + c, or a dot product and a sum, in one step, where the sum is the outermost operation. */
function contracted(e: Expr, fused: boolean): Expr {
  if (e.op !== 'add') return e;
  const [a, b] = e.src;
  if (b.op === 'dot' && constOf(b.src[2]) === 0) return dot(b.arg, b.src[0], b.src[1], a);
  if (!fused || (e.dtype !== 'f32' && e.dtype !== 'f64')) return e;
  if (b.op === 'mul') return fma(b.src[0], b.src[1], a);
  return a.op === 'mul' ? fma(a.src[0], a.src[1], b) : e;
}

/** The tile with one point on this axis. */
function peeled(tile: Tile, axis: Axis): Tile {
  const extents = new Map(tile.extents).set(axis, 1);
  if (tile.matrix) return { ...tile, extents };
  if (axis === tile.turned) return { ...tile, turned: null, extents };
  return axis === tile.vector ? { ...tile, lanes: 1, vector: null, turned: null, extents } : { ...tile, extents };
}
