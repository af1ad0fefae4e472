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
  const shift = 32 - bits;
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const high = packed[Math.floor(i / perByte)] << (shift - (i % perByte) * bits);
    out[i] = kind === 'int' ? high >> shift : high >>> shift;
  }
  return out;
}

/** Elements from raw_data of exactly `packedBytes(dtype, n)` bytes, booleans as 0 or 1; a view where nothing changes. */
export function fromRaw(dtype: DType, n: number, raw: Uint8Array): Uint8Array {
  if (dtypeInfo(dtype).bits < 8) return unpack(dtype, n, raw);
  return dtype === 'bool' && raw.some((b) => b > 1) ? raw.map((b) => (b === 0 ? 0 : 1)) : raw;
}

type Field = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

const floats = (p: Tensor) => Float32Array.from(p.floatData);
const doubles = (p: Tensor) => Float64Array.from(p.doubleData);
/** Which typed list holds which element type, as the comments of the ONNX schema lay down; the others are below. */
const LISTS: { readonly [D in DType]?: readonly [field: Field, values: (p: Tensor) => ArrayBufferView] } = {
  f32: ['floatData', floats],
  complex64: ['floatData', floats],
  f64: ['doubleData', doubles],
  complex128: ['doubleData', doubles],
  i64: ['int64Data', (p) => BigInt64Array.from(p.int64Data)],
  u64: ['uint64Data', (p) => BigUint64Array.from(p.uint64Data)],
  u32: ['uint64Data', (p) => Uint32Array.from(p.uint64Data, Number)],
  bool: ['int32Data', (p) => Uint8Array.from(p.int32Data, (v) => (v === 0 ? 0 : 1))],
};
/** Bit patterns of one, two and four bytes in int32_data; packed bytes are among them. */
const PATTERNS = { 1: Uint8Array, 2: Uint16Array, 4: Int32Array };

/** The typed list that holds elements of this type. */
export const listOf = (dtype: DType): Field => LISTS[dtype]?.[0] ?? 'int32Data';

/** Number of list entries for n elements. */
export function listEntries(dtype: DType, n: number): number {
  const { kind, bits } = dtypeInfo(dtype);
  return bits < 8 ? packedBytes(dtype, n) : kind === 'complex' ? 2 * n : n;
}

/** Elements from the typed list, which has `listEntries(dtype, n)` entries. */
export function fromList(dtype: DType, n: number, p: Tensor): Uint8Array {
  const pattern = PATTERNS[dtypeInfo(dtype).bytes as keyof typeof PATTERNS];
  const { buffer } = LISTS[dtype]?.[1](p) ?? pattern.from(p.int32Data);
  return fromRaw(dtype, n, new Uint8Array(buffer as ArrayBuffer));
}
