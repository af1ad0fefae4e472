// Expressions as straight-line tapes: a slot per interned node, so that shared parts cost once and depth no stack.
// Nodes are grouped by the innermost index that they depend on, so that loops evaluate only what changes.
import { elementCount, rowMajorStrides, type Scalar } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import { type Axis, type Expr, isLoad, type Local, picksOf } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import { meaningOf } from './semantics.ts';
import type { TileTensor } from './tensor.ts';

/** A slot's value: a scalar, or one scalar per lane. */
export type Val = Scalar | Scalar[];
/** Typed element access, by flat index. */
export type Cells = Readonly<{ get: (i: number) => Scalar; set: (i: number, value: Scalar) => unknown }>;
/** Gives access to a tensor's elements; asked at run time so that one tape serves many bindings. */
export type TapeEnv = Readonly<{ cells: (tensor: TileTensor) => Cells; wide: boolean }>;

/** Nodes of some root expressions, evaluated by level. */
export class Tape {
  private readonly slots = new Map<Expr, number>();
  private readonly vals: Val[] = [];
  private readonly levels: { readonly slot: number; readonly compute: () => Val }[][] = [];
  private readonly levelOf = new Map<Expr, number>();
  private readonly leaves = new Map<Axis | Local | string, number>();
  private readonly env: TapeEnv;
  private readonly depth: (leaf: Axis | Local | string) => number;

  /** `depth` gives the level at which an axis, local or placeholder changes. */
  constructor(roots: readonly Expr[], env: TapeEnv, depth: (leaf: Axis | Local | string) => number) {
    this.env = env;
    this.depth = depth;
    for (const e of walkExpr(...roots)) this.add(e);
  }

  private add(e: Expr): void {
    const slot = this.vals.length;
    this.slots.set(e, slot);
    this.vals.push(0);
    const leaf = leafKey(e);
    if (leaf !== undefined) {
      this.leaves.set(leaf, slot);
      this.levelOf.set(e, this.depth(leaf));
      return;
    }
    if (e.op === 'const') {
      this.vals[slot] = e.arg;
      this.levelOf.set(e, 0);
      return;
    }
    const level = Math.max(isLoad(e) ? this.depth('load') : 0, ...e.src.map((s) => this.levelOf.get(s)!));
    this.levelOf.set(e, level);
    (this.levels[level] ??= []).push({ slot, compute: this.compute(e) });
  }

  private compute(e: Expr): () => Val {
    const v = this.vals;
    const src = e.src.map((s) => this.slots.get(s)!);
    const [a, b, c] = src;
    if (isLoad(e)) return this.load(e, src);
    if (e.op === 'pack') return () => src.map((s) => v[s] as Scalar);
    if (e.op === 'splat') return () => new Array<Scalar>(e.lanes).fill(v[a] as Scalar);
    if (e.op === 'lane') return () => (v[a] as Scalar[])[e.arg];
    if (e.op === 'shuffle') {
      const picks = picksOf(e);
      return () => picks.map((i) => [...(v[a] as Scalar[]), ...(v[b] as Scalar[])][i]);
    }
    if (e.op === 'ramp') return () => perLane(e, (i) => ((v[a] as number) + i) | 0);
    const f = meaningOf(e, this.env.wide);
    invariant(f, `no meaning for ${e.op} on ${e.src[0].dtype}`);
    if (e.lanes > 1) return () => perLane(e, (i) => f(...src.map((s) => (v[s] as Scalar[])[i])));
    if (src.length === 1) return () => f(v[a] as Scalar);
    if (src.length === 2) return () => f(v[a] as Scalar, v[b] as Scalar);
    return () => f(v[a] as Scalar, v[b] as Scalar, v[c] as Scalar);
  }

  private load(e: Expr & { op: 'load' | 'guarded' }, src: readonly number[]): () => Val {
    const v = this.vals;
    const { env } = this;
    const rank = e.op === 'load' ? src.length : src.length - 2;
    const strides = rank === 1 ? [1] : rowMajorStrides(e.arg.shape);
    const count = elementCount(e.arg.shape);
    const gather = e.src.slice(0, rank).some((s) => s.lanes > 1);
    const element = (lane: number): Scalar => {
      let flat = gather ? 0 : lane;
      for (let d = 0; d < rank; d++) flat += (laneOf(v[src[d]], lane) as number) * strides[d];
      invariant(flat >= 0 && flat < count, `load of ${e.arg.name} out of range: ${flat} of ${count}`);
      return env.cells(e.arg).get(flat);
    };
    if (e.op === 'load') return e.lanes === 1 ? () => element(0) : () => perLane(e, element);
    const [guard, otherwise] = [src[rank], src[rank + 1]];
    const guarded = (i: number): Scalar => (laneOf(v[guard], i) ? element(i) : laneOf(v[otherwise], i));
    return e.lanes === 1 ? () => guarded(0) : () => perLane(e, guarded);
  }

  /** Sets an axis, local or placeholder ("acc0", "elem1"); unknown leaves are ignored. */
  set(leaf: Axis | Local | string, value: Val): void {
    const slot = this.leaves.get(leaf);
    if (slot !== undefined) this.vals[slot] = value;
  }

  /** Recomputes what depends on leaves of this level. */
  run(level: number): void {
    const steps = this.levels[level];
    if (steps) for (const { slot, compute } of steps) this.vals[slot] = compute();
  }

  value(e: Expr): Val {
    return this.vals[this.slots.get(e)!];
  }
}

const laneOf = (x: Val, i: number): Scalar => (Array.isArray(x) ? x[i] : x);
const perLane = (e: Expr, f: (i: number) => Scalar): Scalar[] => Array.from({ length: e.lanes }, (_, i) => f(i));

function leafKey(e: Expr): Axis | Local | string | undefined {
  if (e.op === 'axis' || e.op === 'local') return e.arg;
  return e.op === 'acc' || e.op === 'elem' ? `${e.op}${e.arg}` : undefined;
}
