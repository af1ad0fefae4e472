// The family of reductions over a list of axes: axes and keepdims are read once here, an operator
// names its monoid, its element and its finish. In: one tensor and an optional axes input.

import { type ComputeType, computeType, type Expr, index, load } from '../3-tile/expr.ts';
import type { Monoid } from '../3-tile/tile-op.ts';
import type { Dim } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import { FLOATS } from './elementwise.ts';
import { fold } from './long-sum.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, type LowerContext, type OpDef, op, type TileTensor } from './op.ts';

export const SUMMABLE: readonly DType[] = [...FLOATS, 'i32', 'u32', 'i64', 'u64'];
export const COMPARABLE: readonly DType[] = [...SUMMABLE, 'i8', 'u8', 'bool'];

/** The axes to reduce, in order; all of them when none are given and noop_with_empty_axes is unset. */
export function reducedAxes(c: InferContext | LowerContext, rank: number): number[] {
  const given = c.has(1) ? c.numbers(1) : [];
  if (given.length > 0) return normalAxes(c, given, rank).sort((a, b) => a - b);
  return c.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
}

/** Extents after reducing `axes`. */
export function reducedShape<D extends Dim>(dims: readonly D[], axes: readonly number[], keep: boolean): (D | 1)[] {
  return keep ? dims.map((d, i) => (axes.includes(i) ? 1 : d)) : dims.filter((_, i) => !axes.includes(i));
}

/** Folds `axes` of x into a tensor that keeps them with extent 1. */
export function reduceKept(
  c: LowerContext,
  dtype: DType,
  x: TileTensor,
  axes: readonly number[],
  monoid: Monoid,
  elem: (ix: readonly Expr[]) => Expr,
  finish?: (state: readonly Expr[]) => Expr,
): TileTensor {
  const shape = reducedShape(x.shape, axes, true);
  return fold(
    c.b,
    dtype,
    shape,
    axes.map((a) => x.shape[a]),
    monoid,
    (ix, rx) => elem(ix.map((e, i) => (axes.includes(i) ? rx[axes.indexOf(i)] : e))),
    finish,
  );
}

/** Indices at which a kept reduction of `axes` is read. */
export const keptAt = (ix: readonly Expr[], axes: readonly number[]): Expr[] =>
  ix.map((e, i) => (axes.includes(i) ? index(0) : e));

interface Reducer {
  readonly types?: readonly DType[];
  readonly monoid: (t: ComputeType) => Monoid;
  /** The folded element; the loaded one without it. */
  readonly elem?: (x: Expr) => Expr;
  /** The result from the folded state and the number of elements folded. */
  readonly finish?: (s: Expr, count: number) => Expr;
}

/** An operator with the usual inputs and attributes, and its own lowering. */
export function reductionOp(name: string, types: readonly DType[], lower: NonNullable<OpDef['lower']>): OpDef {
  return op({
    name,
    inputs: [1, 2],
    types: { 0: types, 1: ['i64'] },
    infer: (c) => {
      const dims = c.dims(0);
      const axes = reducedAxes(c, dims.length);
      return [c.tensor(c.dtype(0), reducedShape(dims, axes, c.int('keepdims', 1) !== 0))];
    },
    lower,
  });
}

/** An operator that is one fold. */
export function foldOp(name: string, r: Reducer): OpDef {
  const { types = SUMMABLE, monoid, elem = (x: Expr) => x, finish = (s: Expr) => s } = r;
  return reductionOp(name, types, (c) => {
    const x = c.tensor(0);
    const axes = reducedAxes(c, x.shape.length);
    const count = axes.reduce((n, a) => n * x.shape[a], 1);
    const out = reduceKept(
      c,
      x.dtype,
      x,
      axes,
      monoid(computeType(x.dtype)),
      (ix) => elem(load(x, ix)),
      ([s]) => finish(s, count),
    );
    return [c.b.view(out, c.outShape())];
  });
}
