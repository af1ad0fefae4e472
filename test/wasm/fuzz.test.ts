// Random expressions and statements over all compute types, scalar and vector: generated code and
// interpreter agree. Seeded; a failure names its seed.

import { expect, it } from 'vitest';
import type { BinaryOp, ComputeType, Expr, UnaryOp } from '../../src/3-tile/expr.ts';
import * as X from '../../src/3-tile/expr.ts';
import { loopFrom, store } from '../../src/3-tile/statements.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { interpretKernel } from '../kernels.ts';
import { remains } from '../tile/remaining.ts';
import { EXTREMES, kernelOf, runKernel, texts } from './harness.ts';

const N = 16;
const SCALARS: readonly ComputeType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool'];
const BY_LANES: Readonly<Record<number, readonly ComputeType[]>> = {
  1: SCALARS,
  4: ['f32', 'i32', 'u32', 'bool'],
  2: ['f64', 'i64', 'u64', 'bool'],
};
const STORAGE: readonly DType[] = ['f16', 'bf16', 'i8', 'u8', 'i16', 'u16', 'f8e4m3fn', 'f8e5m2', 'u4', 'i4', 'bool'];
const UNARIES: readonly UnaryOp[] = [
  'neg',
  'abs',
  'not',
  'sqrt',
  'floor',
  'ceil',
  'trunc',
  'nearest',
  'isnan',
  'isinf',
  'clz',
  'popcnt',
];
const ARITHMETIC: readonly BinaryOp[] = [
  'add',
  'sub',
  'mul',
  'div',
  'rem',
  'min',
  'max',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
];
const COMPARE: readonly BinaryOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

/** A small deterministic generator (xorshift). */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (seed * 2654435761) | 1;
  }

  below(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }

  of<T>(xs: readonly T[]): T {
    return xs[this.below(xs.length)];
  }
}

class Generator {
  private readonly r: Random;
  private readonly lanes: number;
  readonly inputs = new Map<ComputeType, TileTensor>();
  readonly storage: readonly TileTensor[];
  private readonly pool = new Map<ComputeType, Expr[]>();
  private readonly at: Expr;

  constructor(r: Random, lanes: number, at: Expr) {
    this.r = r;
    this.lanes = lanes;
    this.at = at;
    for (const t of SCALARS) this.inputs.set(t, newTensor(t, t, [N], 'input'));
    this.storage = STORAGE.map((d) => newTensor(d, d, [N], 'input'));
  }

  private leaf(t: ComputeType): Expr {
    const { r } = this;
    const stored = this.storage.filter((s) => X.computeType(s.dtype) === t);
    const choice = r.below(4);
    if (choice === 0) return this.widen(X.constant(t, r.of(EXTREMES[t])));
    if (choice === 1 && stored.length > 0) return X.makeExpr('load', t, [this.at], r.of(stored), this.lanes);
    if (choice === 2) {
      const guard = X.lt(X.index(r.below(20)), this.at);
      const other = this.widen(X.constant(t, r.of(EXTREMES[t])));
      const far = X.add(this.at, X.index(r.below(3) === 0 ? 0 : 0));
      return X.makeExpr('guarded', t, [far, guard, other], this.inputs.get(t)!, this.lanes);
    }
    return X.makeExpr('load', t, [this.at], this.inputs.get(t)!, this.lanes);
  }

  private widen(e: Expr): Expr {
    return this.lanes === 1 ? e : X.makeExpr('splat', e.dtype, [e], null, this.lanes);
  }

  expr(t: ComputeType, depth: number): Expr {
    const pool = this.pool.get(t);
    if (pool && this.r.below(5) === 0) return this.r.of(pool);
    const e = depth === 0 ? this.leaf(t) : this.inner(t, depth - 1);
    if (pool) pool.push(e);
    else this.pool.set(t, [e]);
    return e;
  }

  private inner(t: ComputeType, depth: number): Expr {
    const { r } = this;
    const types = BY_LANES[this.lanes];
    switch (r.below(8)) {
      case 0: {
        const ops = UNARIES.filter((op) => remains(op, t) && op !== 'isnan' && op !== 'isinf');
        return X.unary(r.of(ops), this.expr(t, depth));
      }
      case 1:
        return X.select(this.expr('bool', depth), this.expr(t, depth), this.expr(t, depth));
      case 2:
        return X.cast(t, this.expr(r.of(types), depth));
      case 3: {
        if (t === 'bool') return X.unary('isnan', this.expr(this.lanes === 2 ? 'f64' : 'f32', depth));
        const float = t === 'f32' || t === 'f64';
        const fitting = STORAGE.filter((s) => s === 'bool' || /^b?f/.test(s) === float);
        return X.round(r.of(fitting), this.expr(t, depth));
      }
      case 4: {
        if (t !== 'bool') return this.arithmetic(t, depth);
        const of = r.of(types);
        return X.binary(r.of(COMPARE), this.expr(of, depth), this.expr(of, depth));
      }
      case 5: {
        const pairs: Partial<Record<ComputeType, ComputeType>> = { f32: 'i32', f64: 'i64', u32: 'i32', i64: 'u64' };
        const from = pairs[t];
        return from ? X.bitcast(t, this.expr(from, depth)) : this.arithmetic(t, depth);
      }
      default:
        return this.arithmetic(t, depth);
    }
  }

  private arithmetic(t: ComputeType, depth: number): Expr {
    const ops = ARITHMETIC.filter((op) => remains(op, t));
    return X.binary(this.r.of(ops), this.expr(t, depth), this.expr(t, depth));
  }
}

function randomKernel(seed: number) {
  const r = new Random(seed);
  const lanes = r.of([1, 1, 4, 2]);
  const outs: TileTensor[] = [];
  const locals: { readonly local: X.Local }[] = [];
  let generator!: Generator;
  const body = loopFrom(0, N / lanes, (i) => {
    const at = lanes === 1 ? i : X.mul(i, X.index(lanes));
    generator = new Generator(r, lanes, at);
    const stmts: Stmt[] = [];
    for (let k = 0; k < 4; k++) {
      const t = r.of(BY_LANES[lanes]);
      const value = generator.expr(t, 5);
      const local = X.newLocal(`l${k}`, t, lanes);
      locals.push({ local });
      stmts.push({ kind: 'set', local, value });
      const narrow = STORAGE.filter((s) => X.computeType(s) === t);
      const out = newTensor(
        `o${k}`,
        lanes !== 2 && narrow.length > 0 && r.below(2) === 0 ? r.of(narrow) : t,
        [N],
        'output',
      );
      outs.push(out);
      const again = t === 'bool' ? X.localExpr(local) : X.binary('add', X.localExpr(local), generator.expr(t, 2));
      stmts.push(store(out, [at], again));
    }
    return stmts;
  });
  const inputs = [...generator.inputs.values(), ...generator.storage];
  const kernel = kernelOf([...inputs, ...outs], [body]);
  const args = [...inputs, ...outs].map((t) => {
    if (t.role === 'output') return tensorOf(t.dtype, [N], []);
    const values = EXTREMES[X.computeType(t.dtype)];
    return tensorOf(
      t.dtype,
      [N],
      Array.from({ length: N }, () => r.of(values)),
    );
  });
  return { kernel, args };
}

it('agrees with the interpreter on 400 random kernels', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const { kernel, args } = randomKernel(seed);
    const wanted = interpretKernel(kernel, args).map(texts);
    const got = runKernel(kernel, args).map(texts);
    expect({ seed, out: got }).toEqual({ seed, out: wanted });
  }
});
