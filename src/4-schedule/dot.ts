// Sums of products of bytes or bf16 as dot products of neighbours, several per instruction. In: steps in their final
// layouts, and a device. Out: the same integers, or floats summed in another order: neighbours along one axis of the sum
// lie together in words of 32 bits, constants are so arranged at compile time, and zero points of bytes leave the sum:
// Σ(a-y)(b-z) = Σab - yΣb - zΣa + nyz. Stands before the welder, which joins what is copied here with what computes it.
import type { Axis, DotForm, Expr } from '../3-tile/expr.ts';
import * as build from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { simplify } from '../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import { pointsOf, type Reduction, type TileOp, type TileProgram } from '../3-tile/tile-op.ts';
import { type Device, peakOf } from '../devices/device.ts';
import type { DType } from '../ir/dtype.ts';
import { elementCount, elements } from '../ir/tensor.ts';
import { fixed, fromLinear, linearise } from './linear.ts';
import { pairRate } from './roller/matrix.ts';
import { transform } from './transform.ts';
import { type Dependences, dependences } from './vectors.ts';
import { withScalars } from './welder/fold.ts';
import { mapOps } from './welder/region.ts';

const { add, and, axisExpr, DOTS, dot, guardedLoad, index, isConst, isLoad, load, mul, newAxis, sub } = build;

type Indices = readonly Expr[];
/** The factors, the axis along which their elements may lie together in words, and what was found out about them. */
type Found = NonNullable<ReturnType<typeof productOf>>;

/** A factor of the summed products: a loaded byte less a zero point that no axis of the sum changes, or a bf16. */
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

function factorOf(e: Expr, form: DotForm, deps: Dependences, folded: readonly Axis[]): Factor | null {
  const { terms, constant } = e.dtype === 'i32' ? linearise(e) : { ...fixed(0), terms: new Map([[e, 1]]) };
  const [found, ...others] = [...terms.keys()].filter((t) => folded.some((a) => deps.get(t)!.has(a)));
  if (!found || others.length > 0 || !isLoad(found) || terms.get(found) !== 1) return null;
  const { arg: tensor, src } = found;
  const rank = tensor.shape.length;
  const types = form === 'bf16' ? ['bf16'] : ['u8', 'i8'];
  if (!types.includes(tensor.dtype) || src.length !== (found.op === 'load' ? rank : rank + 2)) return null;
  if (!folded.every((a) => a.extent === 1 || deps.get(found)!.has(a))) return null;
  const rest = [...terms].filter(([t]) => t !== found).map(([t, c]): [Expr, number] => [t, -c]);
  const zero = simplify(fromLinear({ constant: -constant, terms: new Map(rest) }));
  const { data, dtype } = owner(tensor);
  const bytes = data && dtype === tensor.dtype ? data.bytes : null;
  return { tensor, at: src.slice(0, rank), guard: src.slice(rank), zero, bytes };
}

/** The dimension that the axis alone steps through, whole; -1: there is none, or the axis is elsewhere too. */
function dimensionOf({ tensor, at, guard }: Factor, axis: Axis, deps: Dependences): number {
  const [d, ...others] = [...at, ...guard].flatMap((x, i) => (deps.get(x)!.has(axis) ? [i] : []));
  const whole = at[d] === axisExpr(axis) && tensor.shape[d] === axis.extent;
  return whole && others.length === 0 ? d : -1;
}

/** A list with one of its items at another place. */
const moved = <T>(xs: readonly T[], from: number, to: number): readonly T[] =>
  xs.toSpliced(from, 1).toSpliced(to, 0, xs[from]);

/** One reduction as dot products along `axis`. */
class Rewrite {
  private readonly steps: TileOp[] = [];
  private readonly op: TileOp;
  private readonly found: Found;
  private readonly groups: Axis;

  constructor(op: TileOp, found: Found) {
    this.op = op;
    this.found = found;
    this.groups = newAxis(found.axis.name, Math.ceil(found.axis.extent / found.parts), 'reduce');
  }

  run(): readonly TileOp[] | null {
    const { op, groups } = this;
    const { a, b, axis, form, parts } = this.found;
    // Constants are the signed side: shifting what is known costs nothing.
    const [x, y] = a.bytes || (!b.bytes && a.tensor.dtype === 'i8') ? [b, a] : [a, b];
    const [left, right] = [this.words(x, false), this.words(y, true)];
    if (!left || !right) return null;
    const axes = op.reduce!.axes.map((r) => (r === axis ? groups : r));
    const count = pointsOf(axes) * parts;
    let total = build.acc(0, DOTS[form].sum);
    if (!isZero(left.zero)) total = sub(total, mul(left.zero, this.summed(right.total, axes)));
    if (!isZero(right.zero)) total = sub(total, mul(right.zero, this.summed(left.total, axes)));
    const both = simplify(mul(mul(left.zero, right.zero), index(count)));
    total = simplify(isZero(both) ? total : add(total, both));
    const value = transform(op.value, (e) => (e.op === 'acc' ? total : undefined));
    const elems = [dot(form, left.word, right.word)];
    return [...this.steps, { ...op, value, reduce: { axes, monoid: sum(DOTS[form].sum), elems } }];
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
    const { axis, form, parts, deps, rows } = this.found;
    const d = dimensionOf(f, axis, deps);
    const before = rows && !f.bytes ? f.tensor.shape.length - (f === rows ? 1 : 2) : d;
    const to = f === rows ? before : Math.max(0, Math.min(d, before));
    const at = moved(f.at.with(d, axisExpr(this.groups)), d, to);
    const bias = signed === (f.tensor.dtype === 'i8') ? 0 : signed ? 128 : -128;
    const shift = form === 4 ? index(bias) : f.bytes && !isConst(f.zero) ? index(0) : f.zero;
    const zero = simplify(sub(f.zero, shift));
    if (f.bytes) {
      if (f.guard.length > 0) return null;
      const { words, sums } = packed(f, d, parts, Number(simplify(shift).arg));
      return { word: load(words, at), zero, total: load(sums, at.toSpliced(d, 1)) };
    }
    const [guard, otherwise] = f.guard.map((e) => simplify(e));
    const padded = axis.extent % parts > 0;
    const same = form === 'bf16' ? !guard || isZero(otherwise) : !guard || !padded || otherwise === f.zero;
    const tensor = same ? this.wordsOf(f, d, to, shift) : null;
    if (!tensor) return null;
    const [mask, ones] = [index(2 ** (32 / parts) - 1), index(parts === 2 ? 0x00010001 : 0x01010101)];
    const filler = guard && (form === 'bf16' ? index(0) : simplify(mul(and(sub(otherwise, shift), mask), ones)));
    const word = guard ? guardedLoad(tensor, at, guard, filler) : load(tensor, at);
    return { word, zero, total: signed ? dot(form, ones, word) : dot(form, word, ones) };
  }

  /** The tensor as words: as it lies, or a copy, groups in dimension `to`. Parts beyond the axis hold the zero point. */
  private wordsOf(f: Factor, d: number, to: number, shift: Expr): TileTensor | null {
    const { op, groups } = this;
    const { axis, form, parts } = this.found;
    const { tensor } = f;
    const shape = moved(tensor.shape.with(d, groups.extent), d, to);
    const words = (base: TileTensor): TileTensor => newTensor(base.name, 'i32', shape, 'temp', { base });
    const asItLies = axis.extent % parts === 0 && d === shape.length - 1 && to === d;
    if (asItLies && form !== 2 && isZero(shift)) return words(tensor);
    const whole = (a: Axis): boolean => tensor.shape[f.at.indexOf(axisExpr(a))] === a.extent;
    if (!enough(op, tensor)) return null;
    if (![...dependences([f.zero]).get(f.zero)!].every(whole)) return null;
    const copy = (extents: readonly number[], dtype: DType, value: (ix: Indices) => Expr): TileTensor => {
      const axes = extents.map((n, i) => newAxis(`i${i}`, n));
      return this.step(axes, dtype, value(axes.map(axisExpr)));
    };
    if (asItLies && form === 4) return copy(shape, 'i32', (ix) => build.xor(load(words(tensor), ix), index(SIGNS)));
    if (asItLies) return words(copy(tensor.shape, 'i16', (ix) => sub(load(tensor, ix), over(shift, f, ix))));
    return copy(shape, 'i32', (ix) => this.gathered(f, d, shift, moved(ix, to, d)));
  }

  /** The word of parts that lie apart. */
  private gathered(f: Factor, d: number, shift: Expr, ix: Indices): Expr {
    const { axis, form, parts } = this.found;
    const bits = 32 / parts;
    const zero = form === 'bf16' ? build.constant('f32', 0) : over(f.zero, f, ix);
    const part = (_: unknown, i: number): Expr => {
      const k = add(mul(ix[d], index(parts)), index(i));
      const at = ix.with(d, k);
      const inside = build.lt(k, index(axis.extent));
      const all = axis.extent % parts === 0;
      const value = all ? load(f.tensor, at) : guardedLoad(f.tensor, at, inside, zero);
      const low =
        form === 'bf16' ? build.shr(build.bitcast('i32', value), index(bits)) : sub(value, over(shift, f, ix));
      return build.shl(and(low, index(2 ** bits - 1)), index(bits * i));
    };
    return Array.from({ length: parts }, part).reduce((a, b) => build.or(a, b));
  }
}

/** An expression over the operator's axes, over the indices of the factor's tensor instead. */
function over(root: Expr, f: Factor, ix: Indices): Expr {
  return transform(root, (e) => (e.op === 'axis' ? ix[f.at.indexOf(e)] : undefined));
}

/** A constant's parts along dimension `d` together in words, and their sums along it. */
function packed(f: Factor, d: number, parts: number, shift: number): { words: TileTensor; sums: TileTensor } {
  const { shape, dtype } = f.tensor;
  const [outer, extent, inner] = [elementCount(shape.slice(0, d)), shape[d], elementCount(shape.slice(d + 1))];
  const groups = Math.ceil(extent / parts);
  const { get } = elements(dtype === 'bf16' ? 'u16' : dtype, f.bytes!);
  const to = new (parts === 2 ? Int16Array : Int8Array)(outer * groups * inner * parts);
  const sums = new Int32Array(outer * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let k = 0; k < extent; k++) {
      const first = (o * groups + Math.floor(k / parts)) * inner * parts + (k % parts);
      for (let i = 0; i < inner; i++, at++) {
        const part = (get(at) as number) - shift;
        to[first + i * parts] = part;
        sums[o * inner + i] += part;
      }
    }
  }
  const constant = (dims: readonly number[], { buffer }: Int8Array | Int16Array | Int32Array): TileTensor => {
    const data = { dtype: 'i32' as const, shape: dims, bytes: new Uint8Array(buffer) };
    return newTensor(f.tensor.name, 'i32', dims, 'constant', { data });
  };
  return { words: constant(shape.with(d, groups), to), sums: constant(shape.toSpliced(d, 1), sums) };
}

/** The product that is summed, where it may be of words; null where it is none. */
function productOf({ reduce }: TileOp, form: DotForm) {
  const { parts, sum } = DOTS[form];
  if (reduce?.monoid.name !== 'add' || reduce.monoid.state[0] !== sum) return null;
  const { axes, elems } = reduce;
  if (elems[0].op !== 'mul') return null;
  const deps = dependences(elems);
  const [a, b] = elems[0].src.map((e) => factorOf(e, form, deps, axes));
  if (!a || !b || (a.bytes && b.bytes)) return null;
  const fits = (r: Axis): boolean => 2 * r.extent > parts && [a, b].every((f) => dimensionOf(f, r, deps) >= 0);
  const [axis] = axes.filter(fits).sort((r, s) => s.extent - r.extent);
  // Matrix registers want words along the depth of the factor with the rows, and across the other one's.
  const rows = null as Factor | null;
  return axis ? { a, b, axis, form, parts, deps, rows } : null;
}

const enough = (op: TileOp, tensor: TileTensor): boolean =>
  pointsOf([...op.axes, ...op.reduce!.axes]) >= MIN_REUSE * elementCount(tensor.shape);

/** Whether the operator sums products of bytes that dot products compute, whatever the layouts. */
export function sumsBytes(op: TileOp, parts: Device['dot']): boolean {
  const found = parts === 0 ? null : productOf(withScalars(op), parts);
  return found !== null && [found.a, found.b].every((f) => f.bytes !== null || enough(op, f.tensor));
}

/** The sum of products of bf16 in pairs, where they beat multiply-adds of floats, whatever the layouts; else null. */
export function pairsOf(op: TileOp, device: Device): Found | null {
  const floats = peakOf(device, 'f32', 'fma')?.rate ?? Number.POSITIVE_INFINITY;
  const found = device.dot === 0 ? null : productOf(op, 'bf16');
  if (!found) return null;
  const { a, b, axis, deps } = found;
  const [rows, right] = a.bytes ? [b, a] : [a, b];
  const has = (f: Factor, x: Axis): boolean => f.at.some((e) => deps.get(e)!.has(x));
  const longest = (f: Factor, other: Factor): number =>
    Math.max(0, ...op.axes.filter((x) => has(f, x) && !has(other, x)).map((x) => x.extent));
  const words = Math.ceil(axis.extent / DOTS.bf16.parts);
  if (pairRate(device, longest(rows, right), longest(right, rows), words) > floats) return { ...found, rows };
  return (peakOf(device, 'bf16', 'dot')?.rate ?? 0) > floats ? found : null;
}

/** The steps that compute the operator with dot products; null where it is no sum of products that has them. */
function rewritten(given: TileOp, device: Device): readonly TileOp[] | null {
  const op = given.reduce?.monoid.state[0] === 'i32' ? withScalars(given) : given;
  const found = (device.dot === 0 ? null : productOf(op, device.dot)) ?? pairsOf(op, device);
  return found && new Rewrite(op, found).run();
}

/** The program with dot products where the device has them. */
export const dotProducts = (program: TileProgram, device: Device): TileProgram => ({
  ...program,
  steps: mapOps(program.steps, (op) => rewritten(op, device) ?? [op]),
});
