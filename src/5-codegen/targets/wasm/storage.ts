// Elements of every storage type in memory: which load or store moves them and what converts them to
// and from compute types; and `round`, the same conversions without memory. Vectors are consecutive
// elements, widened on load and narrowed on store.
import { computeType } from '../../../3-tile/expr.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';
import { arithmetic, cast } from './arithmetic.ts';
import { constantOf, type Form, is64, isFloatType, named, pack, perLane } from './forms.ts';
import type { InstructionName } from './instructions.ts';
import { decodeNarrow, demoteToOdd, encodeNarrow } from './narrow.ts';
import type { Value, Values } from './value.ts';

/** Where an access goes: a byte address, a constant added to it, and the owner of the bytes. */
export type Access = Readonly<{ address: Value; offset: number; memory: TileTensor }>;

/** A store that remains to be emitted: the value is already narrowed. */
export type Stored = Readonly<{ op: InstructionName; value: Value }>;

const signOf = (storage: DType): 's' | 'u' => (dtypeInfo(storage).kind === 'int' ? 's' : 'u');

/** The instruction that moves one element. */
function scalarAccess(what: 'load' | 'store', storage: DType): InstructionName {
  const { bytes, kind, name } = dtypeInfo(storage);
  if (bytes >= 4) return named(`${kind === 'float' ? name : bytes === 8 ? 'i64' : 'i32'}.${what}`);
  return named(`i32.${what}${8 * bytes}${what === 'load' ? `_${signOf(storage)}` : ''}`);
}

/** The raw integer bits of narrow elements to the compute type. */
function fromBits(v: Values, storage: DType, lanes: number, bits: Value): Value {
  if (isStorageFloat(storage)) return decodeNarrow(v, storage, lanes, bits);
  return storage === 'bool' ? cast(v, { dtype: 'i32', lanes }, 'bool', bits) : bits;
}

/** One element, or `lanes` consecutive ones. */
export function loadElements(v: Values, storage: DType, lanes: number, at: Access): Value {
  const { address, offset, memory } = at;
  const { bytes } = dtypeInfo(storage);
  const load = (op: InstructionName): Value => v.load(op, address, offset, memory);
  if (lanes === 1) return fromBits(v, storage, 1, load(scalarAccess('load', storage)));
  if (bytes * lanes === 16) return load('v128.load');
  if (lanes !== 4) {
    const one = (_: unknown, i: number): Value => loadElements(v, storage, 1, { ...at, offset: offset + i * bytes });
    return pack(v, { dtype: computeType(storage), lanes }, Array.from({ length: lanes }, one));
  }
  const sign = signOf(storage);
  if (bytes === 2) return fromBits(v, storage, 4, load(`v128.load16x4_${sign}`));
  const half = v.op(`i16x8.extend_low_i8x16_${sign}`, [load('v128.load32_zero')]);
  return fromBits(v, storage, 4, v.op(`i32x4.extend_low_i16x8_${sign}`, [half]));
}

/** What to write for values of the storage's compute type. */
export function storeElements(v: Values, storage: DType, lanes: number, x: Value): Stored {
  const { bytes } = dtypeInfo(storage);
  if (lanes === 1) return { op: scalarAccess('store', storage), value: toBits(v, storage, 1, x) };
  if (bytes * lanes === 16) return { op: 'v128.store', value: x };
  const bits = toBits(v, storage, lanes, x);
  // The low bytes of every lane, moved together; stores wrap.
  const source = (i: number): number => Math.floor(i / bytes) * (16 / lanes) + (i % bytes);
  const order = Array.from({ length: 16 }, (_, i) => (i < lanes * bytes ? source(i) : 0));
  return { op: named(`v128.store${8 * lanes * bytes}_lane`), value: v.op('i8x16.shuffle', [bits, bits], order) };
}

function toBits(v: Values, storage: DType, lanes: number, x: Value): Value {
  if (isStorageFloat(storage)) return encodeNarrow(v, storage, lanes, x);
  const { bits, kind } = dtypeInfo(storage);
  if (kind === 'bool' && lanes > 1) return v.op('v128.and', [x, v.bytes(new Array<number>(16).fill(1))]);
  return bits < 8 ? wrapInteger(v, storage, { dtype: 'i32', lanes }, x) : x;
}

/** Keeps the low bits of an integer, extended by sign or zero. */
function wrapInteger(v: Values, storage: DType, form: Form, x: Value): Value {
  const { bits } = dtypeInfo(storage);
  const width = is64(form.dtype) ? 64 : 32;
  if (bits >= width) return x;
  if (signOf(storage) === 'u') return arithmetic(v, 'and', form, x, constantOf(v, form, (1n << BigInt(bits)) - 1n));
  const signed: Form = { dtype: width === 64 ? 'i64' : 'i32', lanes: form.lanes };
  const count = constantOf(v, signed, width - bits);
  return arithmetic(v, 'shr', signed, arithmetic(v, 'shl', signed, x, count), count);
}

/** The value as if stored to `storage` and loaded again, in its own compute type. */
export function roundTo(v: Values, storage: DType, form: Form, x: Value): Value {
  const { dtype, lanes } = form;
  if (storage === dtype || storage === 'f64') return x;
  if (storage === 'bool') return roundToBool(v, form, x);
  if (!isFloatType(dtype)) {
    invariant(dtype !== 'bool' && dtypeInfo(storage).kind.endsWith('int'), `no rounding of ${dtype} to ${storage}`);
    return wrapInteger(v, storage, form, x);
  }
  if (lanes > 1 && dtype === 'f64')
    return perLane(v, form, form, [x], ([s]) => roundTo(v, storage, { dtype, lanes: 1 }, s));
  if (storage === 'f32') return v.op('f64.promote_f32', [v.op('f32.demote_f64', [x])]);
  invariant(isStorageFloat(storage), `no rounding of ${dtype} to ${storage}`);
  const single = dtype === 'f64' ? demoteToOdd(v, x) : x;
  const rounded = decodeNarrow(v, storage, lanes, encodeNarrow(v, storage, lanes, single));
  return dtype === 'f64' ? v.op('f64.promote_f32', [rounded]) : rounded;
}

/** 0 or 1; NaN counts as 0. */
function roundToBool(v: Values, form: Form, x: Value): Value {
  const [op, left] = isFloatType(form.dtype) ? (['gt', arithmetic(v, 'abs', form, x)] as const) : (['ne', x] as const);
  const truth = arithmetic(v, op, form, left, constantOf(v, form, 0));
  return cast(v, { dtype: 'bool', lanes: form.lanes }, form.dtype, truth);
}
