// How operators write tile programs: tensors, maps, reductions, partial writes, views, routines and
// checks, appended in execution order. In: calls from ops/. Out: steps of a TileProgram.
import { type DType, dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { invariant } from '../support/errors.ts';
import { acc, axisExpr, computeType, type Expr, index, load, newAxis } from './expr.ts';
import { newTensor, type TileTensor } from './tensor.ts';
import type { BranchStep, Check, LoopStep, Monoid, Step, Stmt } from './tile-op.ts';

export type Indices = readonly Expr[];
type ValueAt = (ix: Indices) => Expr;
const same = (ix: Indices): Indices => ix;

export class TileBuilder {
  readonly steps: Step[] = [];
  readonly checks: Check[] = [];
  private readonly constants = new Map<TensorData, TileTensor>();
  /** Node and operator being lowered: for labels and checks. */
  place = { node: '', op: '' };

  /** A builder for a nested body (loop or branch) that shares constants; its checks are its own. */
  nested(): TileBuilder {
    const b = new TileBuilder();
    Object.assign(b, { constants: this.constants });
    b.place = this.place;
    return b;
  }

  /** An uninitialised tensor; write it with `write`, `mapInto` or a routine. */
  alloc(dtype: DType, shape: readonly number[], name = this.place.op): TileTensor {
    return newTensor(name, dtype, shape, 'temp');
  }

  constant(data: TensorData): TileTensor {
    return entryOf(this.constants, data, () => newTensor('const', data.dtype, data.shape, 'constant', { data }));
  }

  /** The same row-major bytes under another shape of equal element count. */
  view(t: TileTensor, shape: readonly number[]): TileTensor {
    invariant(elementCount(shape) === elementCount(t.shape), `view of ${t.name}: element counts differ`);
    if (shape.length === t.shape.length && shape.every((d, i) => d === t.shape[i])) return t;
    return newTensor(t.name, t.dtype, shape, 'temp', { base: t });
  }

  /** The same bytes read as another storage type of equal size. */
  bits(t: TileTensor, dtype: DType): TileTensor {
    invariant(dtypeInfo(dtype).bytes === dtypeInfo(t.dtype).bytes, `bits of ${t.name}: element sizes differ`);
    return newTensor(t.name, dtype, t.shape, 'temp', { base: t });
  }

  /** One value per element: out[ix] = f(ix). */
  map(dtype: DType, shape: readonly number[], f: ValueAt): TileTensor {
    const out = this.alloc(dtype, shape);
    this.write(out, shape, same, f);
    return out;
  }

  /** Stores f(ix) at at(ix) of `target` for every ix below `extents`. */
  write(target: TileTensor, extents: readonly number[], at: (ix: Indices) => Indices, f: ValueAt): void {
    const axes = extents.map((n, i) => newAxis(`i${i}`, n));
    const ix = axes.map(axisExpr);
    this.push({ axes, reduce: null, write: target, at: at(ix), value: f(ix) });
  }

  /** out[ix] = finish(fold of elems(ix, rx) over all rx below `reduceExtents`). */
  reduce(
    dtype: DType,
    shape: readonly number[],
    reduceExtents: readonly number[],
    monoid: Monoid,
    elems: (ix: Indices, rx: Indices) => Expr | readonly Expr[],
    finish: (state: readonly Expr[], ix: Indices) => Expr = ([s]) => s,
  ): TileTensor {
    const out = this.alloc(dtype, shape);
    this.reduceInto(out, shape, reduceExtents, monoid, elems, finish, (ix) => ix);
    return out;
  }

  /** Stores finish(fold of elems(ix, rx)) at at(ix) of `target` for every ix below `extents`. */
  reduceInto(
    target: TileTensor,
    extents: readonly number[],
    reduceExtents: readonly number[],
    monoid: Monoid,
    elems: (ix: Indices, rx: Indices) => Expr | readonly Expr[],
    finish: (state: readonly Expr[], ix: Indices) => Expr,
    at: (ix: Indices) => readonly Expr[],
  ): void {
    const axes = extents.map((n, i) => newAxis(`i${i}`, n));
    const reduceAxes = reduceExtents.map((n, i) => newAxis(`r${i}`, n, 'reduce'));
    const ix = axes.map(axisExpr);
    const e = elems(ix, reduceAxes.map(axisExpr));
    const state = monoid.state.map((t, i) => acc(i, t));
    const reduce = { axes: reduceAxes, monoid, elems: Array.isArray(e) ? (e as Expr[]) : [e as Expr] };
    this.push({ axes, reduce, write: target, at: at(ix), value: finish(state, ix) });
  }

  private push(op: Omit<Extract<Step, { kind: 'op' }>, 'kind' | 'name'>): void {
    const fits = op.value.dtype === computeType(op.write.dtype);
    invariant(fits, `${this.place.op}: stores ${op.value.dtype} to ${op.write.dtype}`);
    this.steps.push({ kind: 'op', name: this.place.op, ...op });
  }

  routine(reads: readonly TileTensor[], writes: readonly TileTensor[], body: readonly Stmt[]): void {
    this.steps.push({ kind: 'routine', name: this.place.op, reads, writes, body });
  }

  loop(step: Omit<LoopStep, 'kind' | 'name'>): void {
    this.steps.push({ kind: 'loop', name: this.place.op, ...step });
  }

  branch(step: Omit<BranchStep, 'kind' | 'name'>): void {
    this.steps.push({ kind: 'branch', name: this.place.op, ...step });
  }

  /** Copies `from` into `to` (same dtype and element count). */
  copy(from: TileTensor, to: TileTensor): void {
    const flat = [elementCount(to.shape)];
    const source = this.view(from, flat);
    this.write(this.view(to, flat), flat, same, (ix) => load(source, ix));
  }

  /** The run fails with this message unless the scalar bool tensor is true. */
  check(ok: TileTensor, message: string): void {
    invariant(dtypeInfo(ok.dtype).kind === 'bool' && elementCount(ok.shape) === 1, 'check: not a scalar bool');
    this.checks.push({ ok, message, ...this.place });
  }
}

/** Element of `t` at output indices `ix`, broadcast as in NumPy: aligned right, extent 1 repeats. */
export function broadcastLoad(t: TileTensor, ix: Indices): Expr {
  const skip = ix.length - t.shape.length;
  const at = t.shape.map((d, i) => (d === 1 ? index(0) : ix[i + skip]));
  return load(t, at);
}
