// How compute types are held: the WebAssembly type of scalars, the shape of lanes, moving between them. A bool is
// an i32 0 or 1 as a scalar, and a mask of full lanes as a vector, as wide as the operands it came from.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { type Scalar, tensorOf } from '../../../ir/tensor.ts';
import { invariant } from '../../../support/errors.ts';
import type { ValType } from './encoder.ts';
import { named } from './instructions.ts';
import { isConstant, type ScalarType, type Value, type Values } from './value.ts';

/** A compute type with a number of lanes. */
export type Form = Readonly<{ dtype: ComputeType; lanes: number }>;

export const isFloatType = (d: ComputeType): d is 'f32' | 'f64' => d === 'f32' || d === 'f64';
export const is64 = (d: ComputeType): boolean => d === 'i64' || d === 'u64' || d === 'f64';
/** The suffix of instructions that read this type as an integer. */
export const signOf = (d: ComputeType): 's' | 'u' => (d === 'u32' || d === 'u64' || d === 'bool' ? 'u' : 's');

export const scalarType = (dtype: ComputeType): ScalarType =>
  isFloatType(dtype) ? dtype : is64(dtype) ? 'i64' : 'i32';

/** The type of a local that holds this form; refuses vectors that do not fill sixteen bytes. */
export function valueType({ dtype, lanes }: Form): ValType {
  if (lanes === 1) return scalarType(dtype);
  const full = lanes === (is64(dtype) ? 2 : 4) || (dtype === 'bool' && lanes === 2);
  invariant(full, `no vectors of ${lanes} lanes of ${dtype}`);
  return 'v128';
}

/** The first word of instructions on this form: `i32`, `f32x4`, … */
export function prefix({ dtype, lanes }: Form): string {
  if (lanes === 1) return scalarType(dtype);
  return dtype === 'bool' ? (lanes === 4 ? 'i32x4' : 'i64x2') : `${scalarType(dtype)}x${is64(dtype) ? 2 : 4}`;
}

/** A constant of a compute type (bool: 0 or 1). */
export function constantOf(v: Values, { dtype, lanes }: Form, x: number | bigint): Value {
  const type = scalarType(dtype);
  const scalar = v.constant(type, type === 'i64' ? BigInt(x) : Number(x));
  return lanes === 1 ? scalar : splat(v, { dtype, lanes }, scalar);
}

/** Little-endian bytes of a scalar constant, as one lane of a vector of this form. */
function laneBytes({ dtype, lanes }: Form, c: Value): number[] {
  if (dtype === 'bool') return new Array<number>(16 / lanes).fill(c.imm ? 255 : 0);
  return [...tensorOf(scalarType(dtype), [], [c.imm as Scalar]).bytes];
}

/** What a lane holds: a scalar bool becomes an integer of all ones or zeros, as wide as the lane. */
function laneValue(v: Values, { dtype, lanes }: Form, x: Value): Value {
  if (dtype !== 'bool') return x;
  const ones = v.op('i32.sub', [v.i32(0), x]);
  return lanes === 4 ? ones : v.op('i64.extend_i32_s', [ones]);
}

/** Loads that can fill all lanes themselves. */
const SPLAT_LOAD = /^[if](?<bits>32|64)\.load$/;

/** A scalar in all lanes. */
export function splat(v: Values, form: Form, x: Value): Value {
  if (isConstant(x)) {
    const lane = laneBytes(form, x);
    return v.bytes(Array.from({ length: 16 }, (_, i) => lane[i % lane.length]));
  }
  const bits = x.memory && SPLAT_LOAD.exec(x.op)?.groups?.['bits'];
  if (bits) return v.load(named(`v128.load${bits}_splat`), x.src[0], x.imm as number, x.memory);
  if (x.op === `${prefix(form)}.extract_lane`) {
    // One move within vectors.
    const width = 16 / form.lanes;
    const order = Array.from({ length: 16 }, (_, i) => (x.imm as number) * width + (i % width));
    return v.op('i8x16.shuffle', [x.src[0], x.src[0]], order);
  }
  return v.op(named(`${prefix(form)}.splat`), [laneValue(v, form, x)]);
}

/** A vector of one scalar per lane. */
export function pack(v: Values, form: Form, xs: readonly Value[]): Value {
  if (xs.every((x) => x === xs[0])) return splat(v, form, xs[0]);
  if (xs.every(isConstant)) return v.bytes(xs.flatMap((x) => laneBytes(form, x)));
  const replace = named(`${prefix(form)}.replace_lane`);
  const placed = (vector: Value, x: Value, i: number): Value => v.op(replace, [vector, laneValue(v, form, x)], i + 1);
  return xs.slice(1).reduce(placed, splat(v, form, xs[0]));
}

/** One lane of a vector as a scalar. */
export function lane(v: Values, { dtype, lanes }: Form, x: Value, i: number): Value {
  if (dtype !== 'bool') return v.op(named(`${prefix({ dtype, lanes })}.extract_lane`), [x], i);
  const word = v.op('i32x4.extract_lane', [x], lanes === 4 ? i : 2 * i);
  return v.op('i32.and', [word, v.i32(1)]);
}

type Scalarwise = (xs: readonly Value[]) => Value;
/** Applies a scalar function to each lane of vectors of one form; for what has no vector instruction. */
export function perLane(v: Values, result: Form, form: Form, vectors: readonly Value[], scalar: Scalarwise): Value {
  const each = Array.from({ length: result.lanes }, (_, i) => scalar(vectors.map((x) => lane(v, form, x, i))));
  return pack(v, result, each);
}
