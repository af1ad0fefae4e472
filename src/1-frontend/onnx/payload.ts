// Tensor payloads: raw bytes and typed lists of a TensorProto to dense elements, and back to raw bytes. Sub-byte types
// are packed low bits first in a model and take one byte per element here.
import { type DType, dtypeInfo } from '../../ir/dtype.ts';
import type { Tensor } from './gen/onnx_pb.ts';

/** Bytes of `n` packed elements as raw_data holds them. n must be a checked element count. */
export function packedBytes(dtype: DType, n: number): number {
  return Math.ceil((n * dtypeInfo(dtype).bits) / 8);
}

/** Sub-byte elements to one byte each; signed types are sign-extended. */
function unpack(dtype: DType, n: number, packed: Uint8Array): Uint8Array {
  const { bits, kind } = dtypeInfo(dtype);
  const perByte = 8 / bits;
  const shift = kind === 'int' ? 8 - bits : 0;
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(n);
  const signed = new Int8Array(out.buffer);
  for (let i = 0; i < n; i++) {
    const value = (packed[Math.floor(i / perByte)] >> ((i % perByte) * bits)) & mask;
    if (shift > 0) signed[i] = ((value << (24 + shift)) >> (24 + shift)) | 0;
    else out[i] = value;
  }
  return out;
}

/** One byte per element to packed bytes. */
function pack(dtype: DType, bytes: Uint8Array): Uint8Array {
  const { bits } = dtypeInfo(dtype);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(Math.ceil(bytes.length / perByte));
  for (let i = 0; i < bytes.length; i++) {
    out[Math.floor(i / perByte)] |= (bytes[i] & mask) << ((i % perByte) * bits);
  }
  return out;
}

/** Booleans as 0 or 1; a view when they already are. */
function normaliseBool(bytes: Uint8Array): Uint8Array {
  return bytes.some((b) => b > 1) ? bytes.map((b) => (b === 0 ? 0 : 1)) : bytes;
}

/** Elements from raw_data of exactly `packedBytes(dtype, n)` bytes; a view where nothing changes. */
export function fromRaw(dtype: DType, n: number, raw: Uint8Array): Uint8Array {
  if (dtypeInfo(dtype).bits < 8) return unpack(dtype, n, raw);
  return dtype === 'bool' ? normaliseBool(raw) : raw;
}

/** raw_data of dense elements; a view where nothing changes. */
export function toRaw(dtype: DType, bytes: Uint8Array): Uint8Array {
  return dtypeInfo(dtype).bits < 8 ? pack(dtype, bytes) : bytes;
}

type TypedField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

interface TypedList {
  readonly field: TypedField;
  /** Number of list entries for n elements. */
  entries(n: number): number;
  decode(proto: Tensor, n: number): Uint8Array;
}

const bytesOf = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer as ArrayBuffer, a.byteOffset, a.byteLength);

const same = (n: number): number => n;

/** A list whose entries are the elements, or their bit patterns. */
function list(field: TypedField, make: (proto: Tensor) => ArrayBufferView, per = 1): TypedList {
  return { field, entries: (n) => n * per, decode: (proto) => bytesOf(make(proto)) };
}

/** int32_data whose entries are packed bytes. */
function packedList(dtype: DType): TypedList {
  return {
    field: 'int32Data',
    entries: (n) => packedBytes(dtype, n),
    decode: (proto, n) => unpack(dtype, n, Uint8Array.from(proto.int32Data)),
  };
}

const octets = list('int32Data', (p) => Uint8Array.from(p.int32Data));
const halves = list('int32Data', (p) => Uint16Array.from(p.int32Data));

/** Which typed list holds which element type, as the comments of the ONNX schema lay down. */
export const TYPED_LISTS: ReadonlyMap<DType, TypedList> = new Map<DType, TypedList>([
  ['f32', list('floatData', (p) => Float32Array.from(p.floatData))],
  ['complex64', list('floatData', (p) => Float32Array.from(p.floatData), 2)],
  ['f64', list('doubleData', (p) => Float64Array.from(p.doubleData))],
  ['complex128', list('doubleData', (p) => Float64Array.from(p.doubleData), 2)],
  ['i64', list('int64Data', (p) => BigInt64Array.from(p.int64Data))],
  ['u64', list('uint64Data', (p) => BigUint64Array.from(p.uint64Data))],
  ['u32', list('uint64Data', (p) => Uint32Array.from(p.uint64Data, Number))],
  ['i32', list('int32Data', (p) => Int32Array.from(p.int32Data))],
  ['i16', halves],
  ['u16', halves],
  ['f16', halves],
  ['bf16', halves],
  ['i8', octets],
  ['u8', octets],
  ['f8e4m3fn', octets],
  ['f8e4m3fnuz', octets],
  ['f8e5m2', octets],
  ['f8e5m2fnuz', octets],
  ['f8e8m0', octets],
  [
    'bool',
    { field: 'int32Data', entries: same, decode: (p) => Uint8Array.from(p.int32Data, (v) => (v === 0 ? 0 : 1)) },
  ],
  ['i4', packedList('i4')],
  ['u4', packedList('u4')],
  ['i2', packedList('i2')],
  ['u2', packedList('u2')],
  ['f4e2m1', packedList('f4e2m1')],
]);
