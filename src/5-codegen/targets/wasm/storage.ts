// Elements of every storage type in memory: which load or store moves them and what converts them to
// and from compute types; and `round`, the same conversions without memory. Vectors are consecutive
// elements, widened on load and narrowed on store.
import type { ComputeType } from '../../../3-tile/expr.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';
import { binary, unary } from './arithmetic.ts';
import { cast } from './casts.ts';
import { constantOf, type Form, is64, isFloatType, lane, pack } from './forms.ts';
import type { InstructionName } from './instructions.ts';
import { decodeNarrow, demoteToOdd, encodeNarrow } from './narrow.ts';
import type { Value, Values } from './value.ts';

/** Where an access goes: a byte address, a constant added to it, and the owner of the bytes. */
export interface Access {
  readonly address: Value;
  readonly offset: number;
  readonly memory: TileTensor;
}

/** A store that remains to be emitted: the value is already narrowed. */
export interface Stored {
  readonly op: InstructionName;
  readonly value: Value;
  readonly lane: number;
}

const signedStorage = (storage: DType): boolean => dtypeInfo(storage).kind === 'int';

function scalarLoad(storage: DType): InstructionName {
  const { bytes, kind } = dtypeInfo(storage);
  if (storage === 'f32') return 'f32.load';
  if (storage === 'f64') return 'f64.load';
  if (bytes === 8) return 'i64.load';
  if (bytes === 4) return 'i32.load';
  if (bytes === 2) return kind === 'int' ? 'i32.load16_s' : 'i32.load16_u';
  return kind === 'int' ? 'i32.load8_s' : 'i32.load8_u';
}

/** The raw integer bits of narrow elements to the compute type. */
function fromBits(v: Values, storage: DType, lanes: number, bits: Value): Value {
  if (isStorageFloat(storage)) return decodeNarrow(v, storage, lanes, bits);
  if (storage !== 'bool') return bits;
  return binary(v, 'ne', { dtype: 'i32', lanes }, bits, constantOf(v, { dtype: 'i32', lanes }, 0));
}

/** One element, or `lanes` consecutive ones. */
export function loadElements(v: Values, storage: DType, lanes: number, at: Access): Value {
  const { address, offset, memory } = at;
  const { bytes } = dtypeInfo(storage);
  if (lanes === 1) {
    return fromBits(v, storage, 1, v.load(scalarLoad(storage), address, offset, memory));
  }
  if (bytes * lanes === 16) return v.load('v128.load', address, offset, memory);
  if (lanes !== 4) {
    const each = Array.from({ length: lanes }, (_, i) =>
      loadElements(v, storage, 1, { ...at, offset: offset + i * bytes }),
    );
    return pack(v, { dtype: computeOf(storage), lanes }, each);
  }
  const signed = signedStorage(storage);
  if (bytes === 2) {
    const op = signed ? 'v128.load16x4_s' : 'v128.load16x4_u';
    return fromBits(v, storage, 4, v.load(op, address, offset, memory));
  }
  const packed = v.load('v128.load32_zero', address, offset, memory);
  const half = v.op(signed ? 'i16x8.extend_low_i8x16_s' : 'i16x8.extend_low_i8x16_u', [packed]);
  const words = v.op(signed ? 'i32x4.extend_low_i16x8_s' : 'i32x4.extend_low_i16x8_u', [half]);
  return fromBits(v, storage, 4, words);
}

function computeOf(storage: DType): ComputeType {
  if (isStorageFloat(storage)) return 'f32';
  const { bits, kind, name } = dtypeInfo(storage);
  if (kind === 'bool' || kind === 'float' || bits >= 32) return name as ComputeType;
  return 'i32';
}

/** What to write for values of the storage's compute type. */
export function storeElements(v: Values, storage: DType, lanes: number, x: Value): Stored {
  const { bytes } = dtypeInfo(storage);
  if (lanes === 1) return { op: scalarStore(storage), value: toBits(v, storage, 1, x), lane: 0 };
  if (bytes * lanes === 16) return { op: 'v128.store', value: x, lane: 0 };
  const bits = toBits(v, storage, lanes, x);
  // The low bytes of every lane, moved together; stores wrap.
  const width = 16 / lanes;
  const order = Array.from({ length: 16 }, (_, i) =>
    i < lanes * bytes ? Math.floor(i / bytes) * width + (i % bytes) : 0,
  );
  const moved = v.op('i8x16.shuffle', [bits, bits], order);
  const ops = { 2: 'v128.store16_lane', 4: 'v128.store32_lane', 8: 'v128.store64_lane' } as const;
  return { op: ops[(lanes * bytes) as 2 | 4 | 8], value: moved, lane: 0 };
}

function scalarStore(storage: DType): InstructionName {
  const { bytes } = dtypeInfo(storage);
  if (storage === 'f32') return 'f32.store';
  if (storage === 'f64') return 'f64.store';
  if (bytes === 8) return 'i64.store';
  if (bytes === 4) return 'i32.store';
  return bytes === 2 ? 'i32.store16' : 'i32.store8';
}

function toBits(v: Values, storage: DType, lanes: number, x: Value): Value {
  if (isStorageFloat(storage)) return encodeNarrow(v, storage, lanes, x);
  const { bits, kind } = dtypeInfo(storage);
  if (kind === 'bool' && lanes > 1) return v.op('v128.and', [x, v.lanes32(0x01010101)]);
  return bits < 8 ? wrapInteger(v, storage, { dtype: 'i32', lanes }, x) : x;
}

/** Keeps the low bits of an integer, extended by sign or zero. */
function wrapInteger(v: Values, storage: DType, form: Form, x: Value): Value {
  const { bits } = dtypeInfo(storage);
  const width = is64(form.dtype) ? 64 : 32;
  if (bits >= width) return x;
  if (!signedStorage(storage)) {
    return binary(v, 'and', form, x, constantOf(v, form, width === 64 ? (1n << BigInt(bits)) - 1n : 2 ** bits - 1));
  }
  const signed: Form = { dtype: width === 64 ? 'i64' : 'i32', lanes: form.lanes };
  const count = constantOf(v, signed, width - bits);
  return binary(v, 'shr', signed, binary(v, 'shl', signed, x, count), count);
}

/** The value as if stored to `storage` and loaded again, in its own compute type. */
export function roundTo(v: Values, storage: DType, form: Form, x: Value): Value {
  const { dtype, lanes } = form;
  if (storage === dtype || storage === 'f64') return x;
  const { kind } = dtypeInfo(storage);
  if (storage === 'bool') return roundToBool(v, form, x);
  if (kind === 'int' || kind === 'uint') {
    invariant(!isFloatType(dtype) && dtype !== 'bool', `no rounding of ${dtype} to ${storage}`);
    return wrapInteger(v, storage, form, x);
  }
  if (lanes > 1 && dtype === 'f64') {
    const each = Array.from({ length: lanes }, (_, i) => roundTo(v, storage, { dtype, lanes: 1 }, lane(v, form, x, i)));
    return pack(v, form, each);
  }
  if (storage === 'f32') return v.op('f64.promote_f32', [v.op('f32.demote_f64', [x])]);
  invariant(isFloatType(dtype) && isStorageFloat(storage), `no rounding of ${dtype} to ${storage}`);
  const single = dtype === 'f64' ? demoteToOdd(v, x) : x;
  const rounded = decodeNarrow(v, storage, lanes, encodeNarrow(v, storage, lanes, single));
  return dtype === 'f64' ? v.op('f64.promote_f32', [rounded]) : rounded;
}

/** 0 or 1; NaN counts as 0. */
function roundToBool(v: Values, form: Form, x: Value): Value {
  const zero = constantOf(v, form, 0);
  const truth = isFloatType(form.dtype)
    ? binary(v, 'gt', form, unary(v, 'abs', form, x), zero)
    : binary(v, 'ne', form, x, zero);
  return cast(v, { dtype: 'bool', lanes: form.lanes }, form.dtype, truth);
}
