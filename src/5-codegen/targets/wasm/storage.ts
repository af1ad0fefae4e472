// Elements of every storage type in memory: which load or store moves them, and what converts them to and from compute
// types. Vectors are consecutive elements, widened on load and narrowed on store.
import { computeType } from '../../../3-tile/expr.ts';
import { decodeNarrow, encodeNarrow, roundTrip, wrapInteger } from '../../../3-tile/rules/storage.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { cast, computed } from './arithmetic.ts';
import { type Form, pack, perLane } from './forms.ts';
import { type InstructionName, named } from './instructions.ts';
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
  if (isStorageFloat(storage)) return computed(v, { dtype: 'u32', lanes }, bits, (x) => decodeNarrow(storage, x));
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
  if (isStorageFloat(storage)) return computed(v, { dtype: 'f32', lanes }, x, (f) => encodeNarrow(storage, f));
  const { bits, kind } = dtypeInfo(storage);
  if (kind === 'bool' && lanes > 1) return v.op('v128.and', [x, v.bytes(new Array<number>(16).fill(1))]);
  return bits < 8 ? computed(v, { dtype: 'i32', lanes }, x, (e) => wrapInteger(storage, e)) : x;
}

/** The value as if stored to `storage` and loaded again, in its own compute type. */
export function roundTo(v: Values, storage: DType, form: Form, x: Value): Value {
  const { dtype, lanes } = form;
  if (lanes === 1 || dtype !== 'f64' || storage === 'bool') return computed(v, form, x, (e) => roundTrip(storage, e));
  // There are no vectors of two f32.
  return perLane(v, form, form, [x], ([s]) => roundTo(v, storage, { dtype, lanes: 1 }, s));
}
