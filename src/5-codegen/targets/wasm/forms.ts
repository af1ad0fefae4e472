// How compute types are held: the WebAssembly type of scalars, the vector shape of lanes, and moving
// between them (splat, pack, one lane). A bool is an i32 0 or 1 as a scalar and a mask of full lanes
// as a vector, as wide as the operands it came from.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { invariant } from '../../../support/errors.ts';
import type { ValType } from './encoder.ts';
import { type InstructionName, known } from './instructions.ts';
import { isConstant, type Value, type Values } from './value.ts';

type ScalarType = Exclude<ValType, 'v128'>;

const SCALAR: Readonly<Record<ComputeType, ScalarType>> = {
  f32: 'f32',
  f64: 'f64',
  i32: 'i32',
  u32: 'i32',
  i64: 'i64',
  u64: 'i64',
  bool: 'i32',
};
const SHAPE: Readonly<Record<ScalarType, string>> = {
  i32: 'i32x4',
  i64: 'i64x2',
  f32: 'f32x4',
  f64: 'f64x2',
};

/** A compute type with a number of lanes. */
export interface Form {
  readonly dtype: ComputeType;
  readonly lanes: number;
}

export const isFloatType = (d: ComputeType): boolean => d === 'f32' || d === 'f64';
export const isUnsigned = (d: ComputeType): boolean => d === 'u32' || d === 'u64' || d === 'bool';
export const is64 = (d: ComputeType): boolean => d === 'i64' || d === 'u64' || d === 'f64';

export const scalarType = (dtype: ComputeType): ScalarType => SCALAR[dtype];

/** The type of a local that holds this form; refuses vectors that do not fill sixteen bytes. */
export function valueType({ dtype, lanes }: Form): ValType {
  if (lanes === 1) return SCALAR[dtype];
  const full = dtype === 'bool' ? lanes === 2 || lanes === 4 : lanes === (is64(dtype) ? 2 : 4);
  invariant(full, `no vectors of ${lanes} lanes of ${dtype}`);
  return 'v128';
}

/** The first word of instructions on this form: `i32`, `f32x4`, … */
export function prefix({ dtype, lanes }: Form): string {
  if (lanes === 1) return SCALAR[dtype];
  if (dtype === 'bool') return lanes === 4 ? 'i32x4' : 'i64x2';
  return SHAPE[SCALAR[dtype]];
}

/** An instruction that must be in the table. */
export function named(name: string): InstructionName {
  const found = known(name);
  invariant(found, `no instruction ${name}`);
  return found;
}

/** A constant of a compute type (bool: 0 or 1). */
export function constantOf(v: Values, { dtype, lanes }: Form, x: number | bigint): Value {
  const type = SCALAR[dtype];
  const scalar = type === 'i64' ? v.constant(type, BigInt(x)) : v.constant(type, Number(x));
  return lanes === 1 ? scalar : splat(v, { dtype, lanes }, scalar);
}

const scratch = new DataView(new ArrayBuffer(8));

/** Little-endian bytes of a scalar constant, as one lane of a vector of this form. */
function laneBytes({ dtype, lanes }: Form, c: Value): number[] {
  if (dtype === 'bool') return new Array<number>(16 / lanes).fill(c.imm ? 255 : 0);
  const type = SCALAR[dtype];
  if (type === 'i64') scratch.setBigInt64(0, BigInt.asIntN(64, c.imm as bigint), true);
  if (type === 'f64') scratch.setFloat64(0, c.imm as number, true);
  if (type === 'i32') scratch.setInt32(0, c.imm as number, true);
  if (type === 'f32') scratch.setFloat32(0, c.imm as number, true);
  return Array.from({ length: is64(dtype) ? 8 : 4 }, (_, i) => scratch.getUint8(i));
}

/** A scalar bool as an integer of all ones or zeros, as wide as a lane. */
function maskLane(v: Values, lanes: number, x: Value): Value {
  const ones = v.op('i32.sub', [v.i32(0), x]);
  return lanes === 4 ? ones : v.op('i64.extend_i32_s', [ones]);
}

export function splat(v: Values, form: Form, x: Value): Value {
  if (isConstant(x)) {
    const lane = laneBytes(form, x);
    return v.bytes(Array.from({ length: 16 }, (_, i) => lane[i % lane.length]));
  }
  const fused = SPLAT_LOADS[x.op];
  if (fused && x.memory) return v.load(fused, x.src[0], x.imm as number, x.memory);
  if (x.op === named(`${prefix(form)}.extract_lane`)) return spread(v, form, x);
  const scalar = form.dtype === 'bool' ? maskLane(v, form.lanes, x) : x;
  return v.op(named(`${prefix(form)}.splat`), [scalar]);
}

/** Loads that can fill all lanes themselves. */
const SPLAT_LOADS: Partial<Record<Value['op'], InstructionName>> = {
  'f32.load': 'v128.load32_splat',
  'i32.load': 'v128.load32_splat',
  'f64.load': 'v128.load64_splat',
  'i64.load': 'v128.load64_splat',
};

/** One lane of a vector in all lanes, as a single move within vectors. */
function spread(v: Values, { lanes }: Form, extracted: Value): Value {
  const width = 16 / lanes;
  const start = (extracted.imm as number) * width;
  const order = Array.from({ length: 16 }, (_, i) => start + (i % width));
  return v.op('i8x16.shuffle', [extracted.src[0], extracted.src[0]], order);
}

/** A vector of one scalar per lane. */
export function pack(v: Values, form: Form, xs: readonly Value[]): Value {
  if (xs.every((x) => x === xs[0])) return splat(v, form, xs[0]);
  if (xs.every(isConstant)) return v.bytes(xs.flatMap((x) => laneBytes(form, x)));
  let vector = splat(v, form, xs[0]);
  for (let i = 1; i < xs.length; i++) {
    const scalar = form.dtype === 'bool' ? maskLane(v, form.lanes, xs[i]) : xs[i];
    vector = v.op(named(`${prefix(form)}.replace_lane`), [vector, scalar], i);
  }
  return vector;
}

/** One lane of a vector as a scalar. */
export function lane(v: Values, { dtype, lanes }: Form, x: Value, i: number): Value {
  if (dtype !== 'bool') return v.op(named(`${prefix({ dtype, lanes })}.extract_lane`), [x], i);
  const word = v.op('i32x4.extract_lane', [x], lanes === 4 ? i : 2 * i);
  return v.op('i32.and', [word, v.i32(1)]);
}

/** Applies a scalar function to each lane; for what has no vector instruction. */
export function perLane(
  v: Values,
  result: Form,
  operands: readonly (Form & { readonly value: Value })[],
  scalar: (xs: readonly Value[]) => Value,
): Value {
  const lanes = Array.from({ length: result.lanes }, (_, i) => scalar(operands.map((o) => lane(v, o, o.value, i))));
  return pack(v, result, lanes);
}
