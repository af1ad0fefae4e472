// Evaluation of expressions as straight-line tapes: each interned node is one slot, computed after
// its operands, so shared subexpressions cost once and depth costs no stack. Nodes are grouped by
// the innermost index they depend on, so that loops evaluate only what changes.
import type { Scalar } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import type { Axis, BinaryOp, Expr, Local, UnaryOp } from './expr.ts';
import { binaryMeaning, bitcastScalar, castScalar, roundScalar, unaryMeaning } from './semantics.ts';
import type { TileTensor } from './tensor.ts';
import { rowMajorStrides } from '../ir/tensor.ts';

/** A slot's value: a scalar, or one scalar per lane. */
export type Val = Scalar | Scalar[];
/** Typed element access, by flat index. */
export interface Cells {
  get(i: number): Scalar;
  set(i: number, value: Scalar): void;
}
export interface TapeEnv {
  /** Element access of a tensor; asked at run time so that one tape serves many bindings. */
  cells(tensor: TileTensor): Cells;
  readonly wide: boolean;
}

type Step = () => void;

/** Nodes of some root expressions, evaluated by level. */
export class Tape {
  private readonly slots = new Map<Expr, number>();
  private readonly vals: Val[] = [];
  private readonly levels: Step[][] = [];
  private readonly levelOf = new Map<Expr, number>();
  private readonly leaves = new Map<Axis | Local | string, number>();
  private readonly env: TapeEnv;
  private readonly depth: (leaf: Axis | Local | string) => number;

  /** `depth` gives the level at which an axis, local or placeholder changes. */
  constructor(roots: readonly Expr[], env: TapeEnv, depth: (leaf: Axis | Local | string) => number) {
    this.env = env;
    this.depth = depth;
    for (const root of roots) this.addAll(root);
  }

  private addAll(root: Expr): void {
    const stack: Expr[] = [root];
    while (stack.length > 0) {
      const e = stack[stack.length - 1];
      if (this.slots.has(e)) {
        stack.pop();
        continue;
      }
      const pending = e.src.filter((s) => !this.slots.has(s));
      if (pending.length > 0) stack.push(...pending);
      else {
        stack.pop();
        this.add(e);
      }
    }
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
    let level = 0;
    for (const s of e.src) level = Math.max(level, this.levelOf.get(s)!);
    if (e.op === 'load' || e.op === 'guarded') level = Math.max(level, this.depth(`load`));
    this.levelOf.set(e, level);
    (this.levels[level] ??= []).push(this.step(e, slot));
  }

  private step(e: Expr, out: number): Step {
    const v = this.vals;
    const src = e.src.map((s) => this.slots.get(s)!);
    if (e.op === 'load' || e.op === 'guarded') return this.loadStep(e, out, src);
    if (e.op === 'pack')
      return () => {
        v[out] = src.map((s) => v[s] as Scalar);
      };
    if (e.op === 'splat')
      return () => {
        v[out] = new Array<Scalar>(e.lanes).fill(v[src[0]] as Scalar);
      };
    if (e.op === 'lane')
      return () => {
        v[out] = (v[src[0]] as Scalar[])[e.arg];
      };
    if (e.op === 'ramp') {
      return () => {
        v[out] = Array.from({ length: e.lanes }, (_, i) => ((v[src[0]] as number) + i) | 0);
      };
    }
    const f = meaning(e, this.env.wide);
    const [a, b, c] = src;
    if (e.lanes > 1) {
      return () => {
        const r = new Array<Scalar>(e.lanes);
        for (let i = 0; i < e.lanes; i++) r[i] = f(...src.map((s) => (v[s] as Scalar[])[i]));
        v[out] = r;
      };
    }
    if (src.length === 1)
      return () => {
        v[out] = f(v[a] as Scalar);
      };
    if (src.length === 2)
      return () => {
        v[out] = f(v[a] as Scalar, v[b] as Scalar);
      };
    return () => {
      v[out] = f(v[a] as Scalar, v[b] as Scalar, v[c] as Scalar);
    };
  }

  private loadStep(e: Expr & { op: 'load' | 'guarded' }, out: number, src: number[]): Step {
    const v = this.vals;
    const rank = e.op === 'load' ? src.length : src.length - 2;
    const strides = rank === 1 ? [1] : rowMajorStrides(e.arg.shape);
    const count = e.arg.shape.reduce((p, d) => p * d, 1);
    const { env } = this;
    const at = (lane: number): number => {
      let flat = 0;
      for (let d = 0; d < rank; d++) {
        const i = v[src[d]];
        flat += (Array.isArray(i) ? (i[lane] as number) : (i as number)) * strides[d];
      }
      return flat;
    };
    const checked = (lane: number, step: number): Scalar => {
      const flat = at(lane) + step;
      invariant(flat >= 0 && flat < count, `load of ${e.arg.name} out of range: ${flat} of ${count}`);
      return env.cells(e.arg).get(flat);
    };
    if (e.op === 'load') {
      if (e.lanes === 1)
        return () => {
          v[out] = checked(0, 0);
        };
      const gather = e.src.some((s) => s.lanes > 1);
      return () => {
        v[out] = Array.from({ length: e.lanes }, (_, i) => checked(i, gather ? 0 : i));
      };
    }
    const [guard, otherwise] = [src[rank], src[rank + 1]];
    if (e.lanes === 1)
      return () => {
        v[out] = v[guard] ? checked(0, 0) : v[otherwise];
      };
    const gather = e.src.slice(0, rank).some((s) => s.lanes > 1);
    const lane = (x: Val, i: number): Scalar => (Array.isArray(x) ? x[i] : x);
    return () => {
      v[out] = Array.from({ length: e.lanes }, (_, i) =>
        lane(v[guard], i) ? checked(i, gather ? 0 : i) : lane(v[otherwise], i),
      );
    };
  }

  /** Sets an axis, local or placeholder ("acc0", "elem1"); unknown leaves are ignored. */
  set(leaf: Axis | Local | string, value: Val): void {
    const slot = this.leaves.get(leaf);
    if (slot !== undefined) this.vals[slot] = value;
  }

  /** Recomputes what depends on leaves of this level. */
  run(level: number): void {
    const steps = this.levels[level];
    if (steps) for (let i = 0; i < steps.length; i++) steps[i]();
  }

  value(e: Expr): Val {
    return this.vals[this.slots.get(e)!];
  }
}

function leafKey(e: Expr): Axis | Local | string | undefined {
  switch (e.op) {
    case 'axis':
    case 'local':
      return e.arg;
    case 'acc':
      return `acc${e.arg}`;
    case 'elem':
      return `elem${e.arg}`;
    default:
      return undefined;
  }
}

type Meaning = (...xs: Scalar[]) => Scalar;

function meaning(e: Expr, wide: boolean): Meaning {
  const from = e.src[0].dtype;
  switch (e.op) {
    case 'select':
      return (c, a, b) => (c ? a : b);
    case 'cast':
      return (x) => castScalar(from, e.dtype, x);
    case 'bitcast':
      return (x) => bitcastScalar(from, e.dtype, x);
    case 'round':
      return (x) => roundScalar(e.arg, e.dtype, x);
    case 'fma': {
      if (e.dtype === 'f32') return (a, b, c) => Math.fround((a as number) * (b as number) + (c as number));
      return (a, b, c) => (a as number) * (b as number) + (c as number);
    }
    default:
      break;
  }
  const f =
    e.src.length === 1 ? unaryMeaning(e.op as UnaryOp, from, wide) : binaryMeaning(e.op as BinaryOp, from, wide);
  invariant(f, `no meaning for ${e.op} on ${from}`);
  return f as unknown as Meaning;
}
