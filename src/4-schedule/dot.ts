// Sums of products of bytes as dot products of neighbours, several per instruction. In: steps in their final layouts,
// and a device. Out: the same integers: neighbours along one axis of the sum lie together in words of 32 bits, constants
// are so arranged at compile time, and zero points leave the sum: Σ(a-y)(b-z) = Σab - yΣb - zΣa + nyz. Stands before the
// welder, which joins what is copied here with whatever computes it.

import type { Axis, Expr } from '../3-tile/expr.ts';
import * as build from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { simplify } from '../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import { pointsOf, type Reduction, type TileOp, type TileProgram } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import type { DType } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { fromLinear, linearise } from './linear.ts';
import { transform } from './transform.ts';
import { dependences } from './vectors.ts';
import { withScalars } from './welder/fold.ts';
import { mapOps } from './welder/region.ts';

const { add, and, axisExpr, dot, guardedLoad, index, isConst, isLoad, load, mul, newAxis, sub } = build;

type Parts = 2 | 4;
type Dependences = ReturnType<typeof dependences>;
type Indices = readonly Expr[];

/** A factor of the summed products: a loaded byte less a zero point that no axis of the sum changes. */
interface Factor {
  readonly tensor: TileTensor;
  readonly at: Indices;
  /** What a guarded load has besides: its guard, and what it gives otherwise. */
  readonly guard: Indices;
  readonly zero: Expr;
  /** Those of a constant. */
  readonly bytes: Uint8Array | null;
}

/** A factor as words of parts, each a byte less some shift. */
interface Words {
  readonly word: Expr;
  /** What remains of the zero point. */
  readonly zero: Expr;
  /** The parts along the axis of the words, summed; the other axes of the sum are left. */
  readonly total: Expr;
}

/** Work per copied element that makes a copy worth its traffic. */
const MIN_REUSE = 4;
/** The signs of four bytes: what takes them from signed to unsigned less 128, and back. */
const SIGNS = 0x80808080;

const isZero = (e: Expr): boolean => isConst(e) && e.arg === 0;

function factorOf(e: Expr, deps: Dependences, folded: readonly Axis[]): Factor | null {
  const { terms, constant } = linearise(e);
  const [found, ...others] = [...terms.keys()].filter((t) => folded.some((a) => deps.get(t)!.has(a)));
  if (!found || others.length > 0 || !isLoad(found) || terms.get(found) !== 1) return null;
  const { arg: tensor, src } = found;
  const rank = tensor.shape.length;
  if (!['u8', 'i8'].includes(tensor.dtype) || src.length !== (found.op === 'load' ? rank : rank + 2)) return null;
  if (!folded.every((a) => a.extent === 1 || deps.get(found)!.has(a))) return null;
  const rest = [...terms].filter(([t]) => t !== found).map(([t, c]): [Expr, number] => [t, -c]);
  const zero = simplify(fromLinear({ constant: -constant, terms: new Map(rest) }));
  const { data, dtype } = owner(tensor);
  return {
    tensor,
    at: src.slice(0, rank),
    guard: src.slice(rank),
    zero,
    bytes: data && dtype === tensor.dtype ? data.bytes : null,
  };
}

/** The dimension that the axis alone steps through, whole; -1: there is none, or the axis is elsewhere too. */
function dimensionOf({ tensor, at, guard }: Factor, axis: Axis, deps: Dependences): number {
  const [d, ...others] = [...at, ...guard].flatMap((x, i) => (deps.get(x)!.has(axis) ? [i] : []));
  const whole = at[d] === axisExpr(axis) && tensor.shape[d] === axis.extent;
  return whole && others.length === 0 ? d : -1;
}

/** One reduction as dot products along `axis`. */
class Rewrite {
  private readonly steps: TileOp[] = [];
  private readonly op: TileOp;
  private readonly axis: Axis;
  private readonly groups: Axis;
  private readonly parts: Parts;
  private readonly deps: Dependences;

  constructor(op: TileOp, axis: Axis, parts: Parts, deps: Dependences) {
    this.op = op;
    this.axis = axis;
    this.groups = newAxis(axis.name, Math.ceil(axis.extent / parts), 'reduce');
    this.parts = parts;
    this.deps = deps;
  }

  run(a: Factor, b: Factor): readonly TileOp[] | null {
    // Constants are the signed side: shifting what is known costs nothing.
    const [x, y] = a.bytes || (!b.bytes && a.tensor.dtype === 'i8') ? [b, a] : [a, b];
    const [left, right] = [this.words(x, false), this.words(y, true)];
    if (!left || !right) return null;
    const { op, groups, parts } = this;
    const axes = op.reduce!.axes.map((r) => (r === this.axis ? groups : r));
    const count = pointsOf(axes) * parts;
    let total = build.acc(0, 'i32');
    if (!isZero(left.zero)) total = sub(total, mul(left.zero, this.summed(right.total, axes)));
    if (!isZero(right.zero)) total = sub(total, mul(right.zero, this.summed(left.total, axes)));
    total = simplify(add(total, mul(mul(left.zero, right.zero), index(count))));
    const value = transform(op.value, (e) => (e.op === 'acc' ? total : undefined));
    const elems = [dot(parts, left.word, right.word)];
    return [...this.steps, { ...op, value, reduce: { axes, monoid: sum('i32'), elems } }];
  }

  /** A new tensor and the step that computes it. */
  private step(axes: readonly Axis[], dtype: DType, value: Expr, reduce: Reduction | null = null): TileTensor {
    const { name } = this.op;
    const shape = axes.map((a) => a.extent);
    const write = newTensor(name, dtype, shape, 'temp');
    this.steps.push({ kind: 'op', name, axes, reduce, write, at: axes.map(axisExpr), value });
    return write;
  }

  /** The sum of an element over those of the axes that it depends on. */
  private summed(elem: Expr, all: readonly Axis[]): Expr {
    const used = dependences([elem]).get(elem)!;
    const axes = all.filter((a) => used.has(a));
    if (axes.length === 0) return elem;
    const own = this.op.axes.filter((a) => used.has(a));
    const sums = this.step(own, 'i32', build.acc(0, 'i32'), { axes, monoid: sum('i32'), elems: [elem] });
    return load(sums, own.map(axisExpr));
  }

  /** The factor as words; null where a copy does not pay or cannot be written. */
  private words(f: Factor, signed: boolean): Words | null {
    const { parts, axis } = this;
    const d = dimensionOf(f, axis, this.deps);
    const at = f.at.with(d, axisExpr(this.groups));
    const bias = signed === (f.tensor.dtype === 'i8') ? 0 : signed ? 128 : -128;
    const shift = parts === 4 ? index(bias) : f.bytes && !isConst(f.zero) ? index(0) : f.zero;
    const zero = simplify(sub(f.zero, shift));
    if (f.bytes) {
      if (f.guard.length > 0) return null;
      const { words, sums } = packed(f, d, parts, Number(simplify(shift).arg));
      return { word: load(words, at), zero, total: load(sums, at.toSpliced(d, 1)) };
    }
    const [guard, otherwise] = f.guard.map((e) => simplify(e));
    const padded = axis.extent % parts > 0;
    const tensor = guard && padded && otherwise !== f.zero ? null : this.wordsOf(f, d, shift);
    if (!tensor) return null;
    const [mask, ones] = [index(2 ** (32 / parts) - 1), index(parts === 2 ? 0x00010001 : 0x01010101)];
    const filler = guard && simplify(mul(and(sub(otherwise, shift), mask), ones));
    const word = guard ? guardedLoad(tensor, at, guard, filler) : load(tensor, at);
    return { word, zero, total: signed ? dot(parts, ones, word) : dot(parts, word, ones) };
  }

  /** The tensor as words: as it lies, or a copy. Parts beyond the axis hold the zero point, so that they add nothing. */
  private wordsOf(f: Factor, d: number, shift: Expr): TileTensor | null {
    const { op, axis, parts, groups } = this;
    const { tensor } = f;
    const shape = tensor.shape.with(d, groups.extent);
    const words = (base: TileTensor): TileTensor => newTensor(base.name, 'i32', shape, 'temp', { base });
    const asItLies = axis.extent % parts === 0 && d === shape.length - 1;
    if (asItLies && parts === 4 && isZero(shift)) return words(tensor);
    const whole = (a: Axis): boolean => tensor.shape[f.at.indexOf(axisExpr(a))] === a.extent;
    if (!enough(op, tensor)) return null;
    if (![...dependences([f.zero]).get(f.zero)!].every(whole)) return null;
    const copy = (extents: readonly number[], dtype: DType, value: (ix: Indices) => Expr): TileTensor => {
      const axes = extents.map((n, i) => newAxis(`i${i}`, n));
      return this.step(axes, dtype, value(axes.map(axisExpr)));
    };
    if (asItLies && parts === 4) return copy(shape, 'i32', (ix) => build.xor(load(words(tensor), ix), index(SIGNS)));
    if (asItLies) return words(copy(tensor.shape, 'i16', (ix) => sub(load(tensor, ix), moved(shift, f, ix))));
    return copy(shape, 'i32', (ix) => this.gathered(f, d, shift, ix));
  }

  /** The word of parts that lie apart. */
  private gathered(f: Factor, d: number, shift: Expr, ix: Indices): Expr {
    const { axis, parts } = this;
    const bits = 32 / parts;
    const part = (_: unknown, i: number): Expr => {
      const k = add(mul(ix[d], index(parts)), index(i));
      const at = ix.with(d, k);
      const inside = build.lt(k, index(axis.extent));
      const all = axis.extent % parts === 0;
      const value = all ? load(f.tensor, at) : guardedLoad(f.tensor, at, inside, moved(f.zero, f, ix));
      return build.shl(and(sub(value, moved(shift, f, ix)), index(2 ** bits - 1)), index(bits * i));
    };
    return Array.from({ length: parts }, part).reduce((a, b) => build.or(a, b));
  }
}

/** An expression over the operator's axes, over the indices of the factor's tensor instead. */
function moved(root: Expr, f: Factor, ix: Indices): Expr {
  return transform(root, (e) => (e.op === 'axis' ? ix[f.at.indexOf(e)] : undefined));
}

/** A constant's parts along dimension `d` together in words, and their sums along it. */
function packed(f: Factor, d: number, parts: Parts, shift: number): { words: TileTensor; sums: TileTensor } {
  const { shape, dtype } = f.tensor;
  const [outer, extent, inner] = [elementCount(shape.slice(0, d)), shape[d], elementCount(shape.slice(d + 1))];
  const groups = Math.ceil(extent / parts);
  const data = f.bytes!;
  const from = dtype === 'u8' ? data : new Int8Array(data.buffer, data.byteOffset, data.length);
  const to = new (parts === 2 ? Int16Array : Int8Array)(outer * groups * inner * parts);
  const sums = new Int32Array(outer * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let k = 0; k < extent; k++) {
      const first = (o * groups + Math.floor(k / parts)) * inner * parts + (k % parts);
      for (let i = 0; i < inner; i++, at++) {
        to[first + i * parts] = from[at] - shift;
        sums[o * inner + i] += from[at] - shift;
      }
    }
  }
  const constant = (dims: readonly number[], { buffer }: Int8Array | Int16Array | Int32Array): TileTensor => {
    const data = { dtype: 'i32' as const, shape: dims, bytes: new Uint8Array(buffer) };
    return newTensor(f.tensor.name, 'i32', dims, 'constant', { data });
  };
  return { words: constant(shape.with(d, groups), to), sums: constant(shape.toSpliced(d, 1), sums) };
}

/** Factors of the sum and the axis along which they may lie together in words; null where it is none of bytes. */
function productOf({ reduce }: TileOp, parts: Parts): { a: Factor; b: Factor; axis: Axis; deps: Dependences } | null {
  if (reduce?.monoid.name !== 'add' || reduce.monoid.state[0] !== 'i32') return null;
  const { axes, elems } = reduce;
  if (elems[0].op !== 'mul') return null;
  const deps = dependences(elems);
  const [a, b] = elems[0].src.map((e) => factorOf(e, deps, axes));
  if (!a || !b || (a.bytes && b.bytes)) return null;
  const fits = (r: Axis): boolean => 2 * r.extent > parts && [a, b].every((f) => dimensionOf(f, r, deps) >= 0);
  const [axis] = axes.filter(fits).sort((r, s) => s.extent - r.extent);
  return axis ? { a, b, axis, deps } : null;
}

const enough = (op: TileOp, tensor: TileTensor): boolean =>
  pointsOf([...op.axes, ...op.reduce!.axes]) >= MIN_REUSE * elementCount(tensor.shape);

/** Whether the operator sums products of bytes that dot products compute, whatever the layouts. */
export function sumsBytes(op: TileOp, parts: Device['dot']): boolean {
  const found = parts === 0 ? null : productOf(withScalars(op), parts);
  return found !== null && [found.a, found.b].every((f) => f.bytes !== null || enough(op, f.tensor));
}

/** The steps that compute the operator with dot products; null where it is no sum of products of bytes. */
function rewritten(given: TileOp, parts: Parts): readonly TileOp[] | null {
  const op = given.reduce?.monoid.state[0] === 'i32' ? withScalars(given) : given;
  const found = productOf(op, parts);
  return found && new Rewrite(op, found.axis, parts, found.deps).run(found.a, found.b);
}

/** The program with dot products where the device has them. */
export function dotProducts(program: TileProgram, { dot: parts }: Device): TileProgram {
  if (parts === 0) return program;
  return { ...program, steps: mapOps(program.steps, (op) => rewritten(op, parts) ?? [op]) };
}
