// Canonical loop nests. In: a TileOp over shaped tensors. Out: an equal TileOp over formal 1-D
// tensors with flat, linear indices, unit axes dropped and adjacent axes fused, made of pooled axes
// and formals, so that operators of equal structure become identical interned expressions.
import { type Axis, add, axisExpr, div, type Expr, index, isLoad, mul, newAxis, rem } from '../3-tile/expr.ts';
import { isUnordered } from '../3-tile/monoids.ts';
import { walkExpr, withSrc } from '../3-tile/rewrite.ts';
import { SimplifyContext, simplify } from '../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../3-tile/tile-op.ts';
import type { DType } from '../ir/dtype.ts';
import { elementCount, rowMajorStrides } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { postOrder } from '../support/rewrite.ts';
import { coefficient, fixed, fromLinear, type Linear, linearise, plus } from './linear.ts';
import { indicesOf, loadFrom, type Rebuild, transform } from './transform.ts';
import { mapNodes, type Nodes } from './welder/nodes.ts';

/** A canonical operator; `key` is equal for operators that compute the same on their parameters. */
export type Nest = Readonly<{ op: TileOp; key: string }>;

/** Formals and axes by position, so that equal structure gives identical objects. */
export class Pool {
  private readonly formals = new Map<string, TileTensor>();
  private readonly axes = new Map<string, Axis>();

  formal(i: number, dtype: DType, elements: number, role: 'temp' | 'constant'): TileTensor {
    const key = `${i} ${dtype} ${elements} ${role}`;
    return entryOf(this.formals, key, () => newTensor(`p${i}`, dtype, [elements], role));
  }

  axis(i: number, extent: number, role: Axis['role']): Axis {
    const key = `${i} ${extent} ${role}`;
    return entryOf(this.axes, key, () => newAxis(`${role === 'spatial' ? 's' : 'r'}${i}`, extent, role));
  }
}

/** The formals of one operator or routine, numbered by first use. */
export class Binding {
  readonly params: TileTensor[] = [];
  readonly args: TileTensor[] = [];
  private readonly byActual = new Map<TileTensor, TileTensor>();
  private readonly pool: Pool;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  /** The formal of a tensor; views of one type share their owner's. */
  formal(t: TileTensor): TileTensor {
    const o = owner(t);
    const actual = o.dtype === t.dtype ? o : t;
    return entryOf(this.byActual, actual, () => {
      const role = o.data ? 'constant' : 'temp';
      const f = this.pool.formal(this.params.length, actual.dtype, elementCount(actual.shape), role);
      this.params.push(f);
      this.args.push(actual);
      return f;
    });
  }

  /** Constants get formals of their own from here on: each operator may rearrange its own. */
  separateConstants(): void {
    for (const t of [...this.byActual.keys()]) if (t.data) this.byActual.delete(t);
  }

  /** Different parameters share bytes. */
  get aliased(): boolean {
    const written = this.args.filter((t) => !owner(t).data).map(owner);
    return new Set(written).size < written.length;
  }

  /** Which parameters share bytes: part of a kernel's identity. */
  key(): string {
    const owners = this.args.map(owner);
    return [...this.params.map((p) => p.id), '|', ...owners.map((o) => owners.indexOf(o))].join(' ');
  }
}

/** Row-major flat index of `at`. */
export function flatIndex(t: TileTensor, at: readonly Expr[]): Expr {
  if (at.length === 1) return at[0];
  const strides = rowMajorStrides(t.shape);
  return at.reduce((e, x, d) => (t.shape[d] === 1 ? e : add(e, mul(x, index(strides[d])))), index(0));
}

/** The same as a linear form. */
export function flatLinear(t: TileTensor, at: readonly Expr[]): Linear {
  if (at.length === 1) return linearise(at[0]);
  const strides = rowMajorStrides(t.shape);
  return at.reduce((l, x, d) => (t.shape[d] === 1 ? l : plus(l, linearise(x), strides[d])), fixed(0));
}

/** The same node with its loads on formals and one flat index each. */
export function flattenLoads(e: Expr, src: readonly Expr[], formal: (t: TileTensor) => TileTensor): Expr | undefined {
  if (!isLoad(e)) return undefined;
  const flat = fromLinear(flatLinear(e.arg, src.slice(0, indicesOf(e).length)));
  return loadFrom(e, formal(e.arg), [flat], src);
}

/** The index operand of a load over a formal. */
export const loadIndex = (e: Expr): Expr => e.src[0];

/** Loads below the roots with their linear indices, and the axes that are used outside of those. */
export function accesses(roots: readonly Expr[]): { linears: Map<Expr, Linear>; pinned: Set<Axis> } {
  const linears = new Map<Expr, Linear>();
  const used = postOrder(roots, (e) => {
    if (!isLoad(e)) return e.src;
    const { terms } = entryOf(linears, e, () => linearise(loadIndex(e)));
    return [...e.src.slice(1), ...[...terms.keys()].filter((t) => t.op !== 'axis')];
  });
  return { linears, pinned: new Set(used.flatMap((e) => (e.op === 'axis' ? [e.arg] : []))) };
}

interface Fusion {
  /** Groups of axes that become one, outer first. */
  readonly spatial: readonly (readonly Axis[])[];
  readonly reduce: readonly (readonly Axis[])[];
}

/** Whether `inner` follows `outer` without a gap in every access. */
function follows(outer: readonly Axis[], inner: readonly Axis[], linears: readonly Linear[]): boolean {
  const extent = pointsOf(inner);
  return linears.every(
    (l) => coefficient(l, outer[outer.length - 1]) === coefficient(l, inner[inner.length - 1]) * extent,
  );
}

/** Joins groups where every access allows it; `adjacentOnly` keeps the order of visits. */
function fuseAxes(
  axes: readonly Axis[],
  pinned: ReadonlySet<Axis>,
  linears: readonly Linear[],
  adjacentOnly: boolean,
): Axis[][] {
  const groups = axes.map((a) => [a]);
  const joins = (i: number, j: number): boolean =>
    i !== j &&
    (!adjacentOnly || j === i + 1) &&
    !groups[i].some((a) => pinned.has(a)) &&
    !groups[j].some((a) => pinned.has(a)) &&
    follows(groups[i], groups[j], linears);
  for (let i = 0; i < groups.length; i++) {
    const j = groups.findIndex((_, k) => joins(i, k));
    if (j < 0) continue;
    groups[i].push(...groups[j]);
    groups.splice(j, 1);
    // What was joined may join any other.
    i = -1;
  }
  return groups;
}

/** Origins that loops around the operator give, by the pooled axes that stand for them. */
export type Origins = ReadonlyMap<Axis, Axis>;

/** What every old axis becomes, and every old linear form in terms of the new axes. */
function rename(fusion: Fusion, pool: Pool, origins: Origins) {
  const axisOf = new Map<Axis, Expr>([...origins].map(([a, o]) => [a, axisExpr(o)]));
  const innermost = new Map<Expr, Expr>([...origins].map(([a, o]) => [axisExpr(a), axisExpr(o)]));
  const dropped = new Set<Expr>();
  let n = 0;
  const make = (groups: Fusion['spatial'], role: Axis['role']): Axis[] =>
    groups.map((group) => {
      const axis = pool.axis(n++, pointsOf(group), role);
      const e = axisExpr(axis);
      let inner = 1;
      for (let i = group.length - 1; i >= 0; i--) {
        const outer = inner === 1 ? e : div(e, index(inner));
        axisOf.set(group[i], i === 0 ? outer : rem(outer, index(group[i].extent)));
        if (i === group.length - 1) innermost.set(axisExpr(group[i]), e);
        else dropped.add(axisExpr(group[i]));
        inner *= group[i].extent;
      }
      return axis;
    });
  const spatial = make(fusion.spatial, 'spatial');
  const reduce = make(fusion.reduce, 'reduce');
  const order = [...spatial, ...reduce].map(axisExpr);
  const relabel = (l: Linear, memo: ReadonlyMap<Expr, Expr>): Expr => {
    const terms = new Map<Expr, number>();
    for (const [t, c] of l.terms) {
      if (dropped.has(t)) continue;
      const next = innermost.get(t) ?? memo.get(t)!;
      terms.set(next, (terms.get(next) ?? 0) + c);
    }
    return fromLinear({ constant: l.constant, terms }, order);
  };
  return { spatial, reduce, axisOf, relabel };
}

/** Spatial axes by falling stride of the write, so that equal loops have equal order. */
function byStride(groups: readonly (readonly Axis[])[], write: Linear): (readonly Axis[])[] {
  const stride = (g: readonly Axis[]): number => Math.abs(coefficient(write, g[g.length - 1]));
  return [...groups].sort((a, b) => stride(b) - stride(a));
}

/** Reduce axes as loops visit memory best: the smallest steps of what is loaded last, where order is free. */
function reduceAxes(op: TileOp, linears: ReadonlyMap<Expr, Linear>): readonly Axis[] {
  if (!op.reduce) return [];
  const axes = op.reduce.axes.filter((a) => a.extent !== 1);
  if (!isUnordered(op.reduce.monoid)) return axes;
  const moving = [...linears].filter(([e]) => isLoad(e) && e.arg.role !== 'constant');
  // Where an index is no linear form of the axis, neighbours may lie anywhere.
  const jumps = (l: Linear, a: Axis): boolean =>
    walkExpr(...l.terms.keys()).includes(axisExpr(a)) && !l.terms.has(axisExpr(a));
  const along = (l: Linear, a: Axis): number => (jumps(l, a) ? Number.MAX_VALUE : Math.abs(coefficient(l, a)));
  const step = (a: Axis): number => Math.max(0, ...moving.map(([, l]) => along(l, a)));
  return [...axes].sort((a, b) => step(b) - step(a));
}

/** The canonical form of an operator, over the formals of `binding`. */
export function canonicalNest(op: TileOp, pool: Pool, binding: Binding, origins: Origins = new Map()): Nest {
  const unit: Rebuild = (e, src) =>
    e.op === 'axis' && e.arg.extent === 1 ? index(0) : flattenLoads(e, src, (t) => binding.formal(t));
  const flat = new Map<Expr, Expr>();
  const context = new SimplifyContext();
  const flatten = (e: Expr): Expr => transform(simplify(e, context), unit, flat);
  const elems = (op.reduce?.elems ?? []).map(flatten);
  const value = flatten(op.value);
  const at = flatten(flatIndex(op.write, op.at));
  const write = binding.formal(op.write);
  const writeLinear = linearise(at);
  const opaque = [...writeLinear.terms.keys()].filter((t) => t.op !== 'axis');
  const { linears, pinned } = accesses([...elems, value, ...opaque]);
  const all = [...linears.values(), writeLinear];
  const kept = (axes: readonly Axis[]): Axis[] => axes.filter((a) => a.extent !== 1);
  const spatialGroups = fuseAxes(kept(op.axes), pinned, all, false);
  const names = rename(
    { spatial: byStride(spatialGroups, writeLinear), reduce: fuseAxes(reduceAxes(op, linears), pinned, all, true) },
    pool,
    origins,
  );
  const memo = new Map<Expr, Expr>();
  const relabel = (e: Expr, src: readonly Expr[]): Expr => {
    if (e.op === 'axis') return names.axisOf.get(e.arg)!;
    const l = linears.get(e);
    return withSrc(e, l ? [names.relabel(l, memo), ...src.slice(1)] : src);
  };
  const over = (e: Expr): Expr => transform(e, relabel, memo);
  const newElems = elems.map(over);
  const newValue = over(value);
  for (const t of writeLinear.terms.keys()) over(t);
  const result: TileOp = {
    kind: 'op',
    name: op.name,
    axes: names.spatial,
    reduce: op.reduce && { axes: names.reduce, monoid: op.reduce.monoid, elems: newElems },
    write,
    at: [names.relabel(writeLinear, memo)],
    value: newValue,
  };
  return { op: result, key: nestKey(result) };
}

const ids = (exprs: readonly Expr[]): string => exprs.map((e) => e.id).join(' ');

/** Identity of a canonical operator: interned parts compare by id. */
function nestKey(op: TileOp): string {
  const parts = [op.axes.map((a) => a.id).join(' '), ids(op.at), op.value.id, op.write.id];
  if (op.reduce) {
    const { combine, init, merge } = op.reduce.monoid;
    parts.push(op.reduce.axes.map((a) => a.id).join(' '), ids(op.reduce.elems), ids(combine));
    parts.push(init.map((v) => (Object.is(v, -0) ? '-0' : String(v))).join(' '), merge ? ids(merge) : 'none');
  }
  return parts.join('|');
}

/** The tree with canonical operators, and pooled axes in place of its origins. */
export function canonicalGraph(nodes: Nodes<TileOp>, pool: Pool, binding: Binding): Nodes<Nest> {
  const origins = new Map<Axis, Axis>();
  const pooled = (a: Axis): Axis => {
    const made = pool.axis(FIRST_ORIGIN + origins.size, a.extent, 'spatial');
    origins.set(a, made);
    return made;
  };
  const memo = new Map<Expr, Expr>();
  const over = (e: Expr): Expr =>
    transform(e, (n) => (n.op === 'axis' ? axisExpr(origins.get(n.arg)!) : undefined), memo);
  const nest = (op: TileOp): Nest => {
    binding.separateConstants();
    return canonicalNest(op, pool, binding, origins);
  };
  return mapNodes(nodes, nest, pooled, over);
}

/** Origins are numbered apart from the axes of operators. */
const FIRST_ORIGIN = 1000;

/** Equal for graphs that compute the same on their parameters. */
export function graphKey(nodes: Nodes<Nest>, binding: Binding): string {
  const parts: unknown[] = [binding.key()];
  const add = (list: Nodes<Nest>): void => {
    for (const n of list) {
      if (n.kind === 'op') parts.push(n.op.key);
      else if (n.kind === 'let') parts.push('let', n.axis.id, n.value.id);
      else {
        parts.push(n.kind, ...(n.kind === 'loop' ? [n.axis.id, n.extent, n.step] : [n.cond.id]));
        add(n.body);
        parts.push('end');
      }
    }
  };
  add(nodes);
  return parts.join(' ');
}
