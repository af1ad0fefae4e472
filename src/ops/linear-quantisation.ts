// QuantizeLinear and DequantizeLinear: scales and zero points per tensor, per axis or per block of one
// axis. Integers round half to even and saturate; narrow floats convert as Cast does.

import {
  add,
  type ComputeType,
  cast,
  computeType,
  div,
  type Expr,
  index,
  load,
  mul,
  nearest,
  round,
  sub,
} from '../3-tile/expr.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { type DType, dtypeFromOnnx, isInt } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { castElement } from './Cast.ts';
import { FLOATS } from './elementwise.ts';
import { type InferContext, type LowerContext, type OpDef, op, type TileTensor } from './op.ts';
import { requantise } from './quantised.ts';

const NARROW_FLOATS: readonly DType[] = ['f8e4m3fn', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'f4e2m1'];
const NARROW_INTEGERS: readonly DType[] = ['i8', 'u8', 'i16', 'u16', 'i4', 'u4', 'i2', 'u2'];
const QUANTISED: readonly DType[] = [...NARROW_INTEGERS, ...NARROW_FLOATS];
const REAL: readonly DType[] = ['f32', 'f16', 'bf16'];
const SCALES: readonly DType[] = [...REAL, 'i32', 'f8e8m0'];

const isOne = (dims: readonly Dim[]): boolean => dims.every((d) => d === 1);

/** Refuses a scale that fits neither the tensor, nor its axis, nor its blocks. */
function checkScale(c: InferContext): void {
  const [x, scale] = [c.dims(0), c.dims(1)];
  const block = c.int('block_size', 0);
  if (block < 0) c.fail(`block_size is ${block}`);
  if (c.has(2)) {
    const zero = c.dims(2);
    const equal =
      (isOne(zero) && isOne(scale)) ||
      (zero.length === scale.length && zero.every((d, i) => !isStatic(d) || !isStatic(scale[i]) || d === scale[i]));
    if (!equal) c.fail(`the zero point has shape [${zero}], the scale [${scale}]`);
  }
  if (block === 0) {
    if (isOne(scale)) return;
    if (scale.length !== 1) c.fail(`the scale has shape [${scale}], expected a scalar or a vector`);
    const extent = x[c.axis(c.int('axis', 1), x.length)];
    if (isStatic(extent) && isStatic(scale[0]) && extent !== scale[0])
      c.fail(`${scale[0]} scales for an axis of ${extent}`);
    return;
  }
  const axis = c.axis(c.int('axis', 1), x.length);
  if (scale.length !== x.length) c.fail(`the scale has rank ${scale.length}, the input ${x.length}`);
  scale.forEach((s, i) => {
    const d = x[i];
    if (!isStatic(d) || !isStatic(s)) return;
    const expected = i === axis ? Math.ceil(d / block) : d;
    if (s !== expected) c.fail(`the scale has ${s} entries along axis ${i}, expected ${expected}`);
  });
}

/** Element of a scale or zero point for the input element at ix. */
function parameterAt(c: LowerContext, t: TileTensor, ix: readonly Expr[]): Expr {
  if (elementCount(t.shape) === 1)
    return load(
      t,
      t.shape.map(() => index(0)),
    );
  const axis = c.axis(c.int('axis', 1), ix.length);
  const block = c.int('block_size', 0);
  if (block === 0) return load(t, [ix[axis]]);
  return load(
    t,
    ix.map((e, i) => (i === axis ? div(e, index(block)) : e)),
  );
}

/** A type named by an attribute; undefined when it is absent or 0. */
function optionalType(c: InferContext | LowerContext, name: string): DType | undefined {
  const number = c.int(name, 0);
  if (number === 0) return undefined;
  return (
    dtypeFromOnnx(number) ?? c.fail(`attribute ${name} is ${number}, not an element type`, undefined, 'INVALID_MODEL')
  );
}

function quantisedType(c: InferContext): DType {
  const asked = optionalType(c, 'output_dtype');
  if (c.has(2) && asked && asked !== c.dtype(2)) {
    c.fail(`output_dtype is ${asked}, the zero point ${c.dtype(2)}`, undefined, 'UNSUPPORTED_TYPE');
  }
  const dtype = c.has(2) ? c.dtype(2) : (asked ?? 'u8');
  return QUANTISED.includes(dtype) ? dtype : c.fail(`${dtype} is not a quantised type`, undefined, 'UNSUPPORTED_TYPE');
}

/** Type of the division: as asked, else that of the scale; integers divide in f64. */
function divisionType(c: LowerContext): { compute: ComputeType; storage: DType } {
  const asked = optionalType(c, 'precision');
  if (!asked && (c.dtype(0) === 'i32' || c.dtype(1) === 'i32')) return { compute: 'f64', storage: 'f64' };
  const storage = asked ?? (c.dtype(1) === 'f8e8m0' ? 'f32' : c.dtype(1));
  return { compute: computeType(storage), storage };
}

function quantise(c: LowerContext, ix: readonly Expr[]): Expr {
  const dtype = c.outDtype();
  const { compute, storage } = divisionType(c);
  const scale = cast(compute, parameterAt(c, c.tensor(1), ix));
  const ratio = round(storage, div(cast(compute, load(c.tensor(0), ix)), scale));
  const zero = c.has(2) ? parameterAt(c, c.tensor(2), ix) : null;
  if (isInt(dtype)) return requantise(dtype, cast('f32', nearest(ratio)), zero ?? index(0));
  const shifted = zero ? add(cast('f32', ratio), zero) : cast('f32', ratio);
  return castElement(dtype, c.int('saturate', 1) !== 0, shifted);
}

export function quantizeOp(domain: string, since: number): OpDef {
  return op({
    name: 'QuantizeLinear',
    domain,
    since,
    inputs: [2, 3],
    types: { 0: [...REAL, 'i32'], 1: SCALES, 2: QUANTISED },
    infer: (c) => {
      checkScale(c);
      const precision = optionalType(c, 'precision');
      if (precision && !FLOATS.includes(precision)) c.fail(`precision ${precision} is not a float type`);
      return [c.tensor(quantisedType(c), c.dims(0))];
    },
    lower: (c) => [c.b.map(c.outDtype(), c.outShape(), (ix) => quantise(c, ix))],
  });
}

function realType(c: InferContext): DType {
  const dtype = optionalType(c, 'output_dtype') ?? c.dtype(1);
  return REAL.includes(dtype) ? dtype : c.fail(`${dtype} is not a real type`, 'Set output_dtype.', 'UNSUPPORTED_TYPE');
}

function dequantise(c: LowerContext, ix: readonly Expr[]): Expr {
  const x = load(c.tensor(0), ix);
  const difference = c.has(2) ? sub(x, parameterAt(c, c.tensor(2), ix)) : x;
  return mul(cast('f32', difference), cast('f32', parameterAt(c, c.tensor(1), ix)));
}

export function dequantizeOp(domain: string, since: number): OpDef {
  const types = [...QUANTISED, 'i32'] as const;
  return op({
    name: 'DequantizeLinear',
    domain,
    since,
    inputs: [2, 3],
    widens: true,
    types: { 0: types, 1: [...REAL, 'f8e8m0'], 2: types },
    infer: (c) => {
      checkScale(c);
      if (c.has(2) && c.dtype(2) !== c.dtype(0)) {
        c.fail(`the zero point is ${c.dtype(2)}, the input ${c.dtype(0)}`, undefined, 'UNSUPPORTED_TYPE');
      }
      return [c.tensor(realType(c), c.dims(0))];
    },
    lower: (c) => [c.b.map(c.outDtype(), c.outShape(), (ix) => dequantise(c, ix))],
  });
}
