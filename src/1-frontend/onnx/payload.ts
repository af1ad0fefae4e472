// Tensor payloads: raw bytes and typed lists of a TensorProto to dense elements. Sub-byte types are packed low bits first
// in a model and take one byte per element here.
import { type DType, dtypeInfo } from '../../ir/dtype.ts';
import type { Tensor } from './gen/onnx_pb.ts';

/** Bytes of `n` packed elements as raw_data holds them. n must be a checked element count. */
export const packedBytes = (dtype: DType, n: number): number => Math.ceil((n * dtypeInfo(dtype).bits) / 8);

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

/** Elements from raw_data of exactly `packedBytes(dtype, n)` bytes, booleans as 0 or 1; a view where nothing changes. */
export function fromRaw(dtype: DType, n: number, raw: Uint8Array): Uint8Array {
  if (dtypeInfo(dtype).bits < 8) return unpack(dtype, n, raw);
  return dtype === 'bool' && raw.some((b) => b > 1) ? raw.map((b) => (b === 0 ? 0 : 1)) : raw;
}

interface TypedList {
  readonly field: 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';
  /** Number of list entries for n elements. */
  entries(n: number): number;
  decode(proto: Tensor, n: number): Uint8Array;
}

const bytesOf = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer as ArrayBuffer, a.byteOffset, a.byteLength);

/** A list whose entries are the elements, or their bit patterns. */
function list(field: TypedList['field'], make: (proto: Tensor) => ArrayBufferView, per = 1): TypedList {
  return { field, entries: (n) => n * per, decode: (proto) => bytesOf(make(proto)) };
}

/** int32_data whose entries are packed bytes. */
function packedList(dtype: DType): TypedList {
  const entries = (n: number): number => packedBytes(dtype, n);
  return { field: 'int32Data', entries, decode: (p, n) => unpack(dtype, n, Uint8Array.from(p.int32Data)) };
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
  ['bool', list('int32Data', (p) => Uint8Array.from(p.int32Data, (v) => (v === 0 ? 0 : 1)))],
  ...(['i16', 'u16', 'f16', 'bf16'] as const).map((dtype) => [dtype, halves] as const),
  ...(['i8', 'u8', 'f8e4m3fn', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'f8e8m0'] as const).map(
    (d) => [d, octets] as const,
  ),
  ...(['i4', 'u4', 'i2', 'u2', 'f4e2m1'] as const).map((dtype) => [dtype, packedList(dtype)] as const),
]);
