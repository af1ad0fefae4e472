// Value conversion between compute types: one row per pair of scalar types, with the few pairs that
// have vector instructions. Float to int truncates and saturates, NaN gives 0; int to int wraps.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { invariant } from '../../../support/errors.ts';
import { constantOf, type Form, named, perLane, prefix, scalarType } from './forms.ts';
import type { InstructionName } from './instructions.ts';
import type { Value, Values } from './value.ts';

/** From → to; null: the same bits. Conversions to bool compare with zero instead. */
const SCALAR: Readonly<Record<ComputeType, Partial<Record<ComputeType, InstructionName | null>>>> = {
  f32: {
    f64: 'f64.promote_f32',
    i32: 'i32.trunc_sat_f32_s',
    u32: 'i32.trunc_sat_f32_u',
    i64: 'i64.trunc_sat_f32_s',
    u64: 'i64.trunc_sat_f32_u',
  },
  f64: {
    f32: 'f32.demote_f64',
    i32: 'i32.trunc_sat_f64_s',
    u32: 'i32.trunc_sat_f64_u',
    i64: 'i64.trunc_sat_f64_s',
    u64: 'i64.trunc_sat_f64_u',
  },
  i32: {
    f32: 'f32.convert_i32_s',
    f64: 'f64.convert_i32_s',
    u32: null,
    i64: 'i64.extend_i32_s',
    u64: 'i64.extend_i32_s',
  },
  u32: {
    f32: 'f32.convert_i32_u',
    f64: 'f64.convert_i32_u',
    i32: null,
    i64: 'i64.extend_i32_u',
    u64: 'i64.extend_i32_u',
  },
  i64: {
    f32: 'f32.convert_i64_s',
    f64: 'f64.convert_i64_s',
    i32: 'i32.wrap_i64',
    u32: 'i32.wrap_i64',
    u64: null,
  },
  u64: {
    f32: 'f32.convert_i64_u',
    f64: 'f64.convert_i64_u',
    i32: 'i32.wrap_i64',
    u32: 'i32.wrap_i64',
    i64: null,
  },
  bool: {
    f32: 'f32.convert_i32_u',
    f64: 'f64.convert_i32_u',
    i32: null,
    u32: null,
    i64: 'i64.extend_i32_u',
    u64: 'i64.extend_i32_u',
  },
};

const VECTOR: ReadonlyMap<string, InstructionName | null> = new Map([
  ['f32>i32', 'i32x4.trunc_sat_f32x4_s'],
  ['f32>u32', 'i32x4.trunc_sat_f32x4_u'],
  ['i32>f32', 'f32x4.convert_i32x4_s'],
  ['u32>f32', 'f32x4.convert_i32x4_u'],
  ['i32>u32', null],
  ['u32>i32', null],
  ['i64>u64', null],
  ['u64>i64', null],
]);

/** The value in another type, lanes kept. */
export function cast(v: Values, from: Form, to: ComputeType, x: Value): Value {
  if (from.dtype === to) return x;
  const { lanes } = from;
  if (to === 'bool') return v.op(named(`${prefix(from)}.ne`), [x, constantOf(v, from, 0)]);
  if (lanes === 1) {
    const name = SCALAR[from.dtype][to];
    invariant(name !== undefined, `no conversion from ${from.dtype} to ${to}`);
    return name === null ? x : v.op(name, [x]);
  }
  // Lane bits of 1 where the mask is set.
  if (from.dtype === 'bool') return v.op('v128.and', [x, constantOf(v, { dtype: to, lanes }, 1)]);
  const name = VECTOR.get(`${from.dtype}>${to}`);
  if (name !== undefined) return name === null ? x : v.op(name, [x]);
  const scalar = { dtype: from.dtype, lanes: 1 };
  const operands = [{ ...from, value: x }];
  return perLane(v, { dtype: to, lanes }, operands, ([s]) => cast(v, scalar, to, s));
}

/** The same bits as another type of equal size. */
export function bitcast(v: Values, from: Form, to: ComputeType, x: Value): Value {
  const [a, b] = [scalarType(from.dtype), scalarType(to)];
  if (a === b || from.lanes > 1) return x;
  return v.op(named(`${b}.reinterpret_${a}`), [x]);
}
