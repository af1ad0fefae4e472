// Element types of tensors: name, ONNX number, storage and range, as one table. Sub-byte types are
// stored one element per byte inside the compiler; packing is the frontend's and the writer's work.
export type DType =
  | 'f32'
  | 'f64'
  | 'f16'
  | 'bf16'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'bool'
  | 'i4'
  | 'u4'
  | 'i2'
  | 'u2'
  | 'f8e4m3fn'
  | 'f8e4m3fnuz'
  | 'f8e5m2'
  | 'f8e5m2fnuz'
  | 'f8e8m0'
  | 'f4e2m1'
  | 'complex64'
  | 'complex128'
  | 'string';

export type DTypeKind = 'float' | 'int' | 'uint' | 'bool' | 'complex' | 'string';

export interface DTypeInfo {
  readonly name: DType;
  /** Bytes per stored element (sub-byte types: 1; string: 0). */
  readonly bytes: number;
  /** Bits of the ONNX type. */
  readonly bits: number;
  readonly kind: DTypeKind;
  /** TensorProto.DataType number. */
  readonly onnx: number;
  /** Name in onnxruntime-common and in the public API. */
  readonly api: string;
}

function info(
  name: DType,
  bytes: number,
  bits: number,
  kind: DTypeKind,
  onnx: number,
  api: string,
): [DType, DTypeInfo] {
  return [name, Object.freeze({ name, bytes, bits, kind, onnx, api })];
}

const TABLE = new Map<DType, DTypeInfo>([
  info('f32', 4, 32, 'float', 1, 'float32'),
  info('u8', 1, 8, 'uint', 2, 'uint8'),
  info('i8', 1, 8, 'int', 3, 'int8'),
  info('u16', 2, 16, 'uint', 4, 'uint16'),
  info('i16', 2, 16, 'int', 5, 'int16'),
  info('i32', 4, 32, 'int', 6, 'int32'),
  info('i64', 8, 64, 'int', 7, 'int64'),
  info('string', 0, 0, 'string', 8, 'string'),
  info('bool', 1, 8, 'bool', 9, 'bool'),
  info('f16', 2, 16, 'float', 10, 'float16'),
  info('f64', 8, 64, 'float', 11, 'float64'),
  info('u32', 4, 32, 'uint', 12, 'uint32'),
  info('u64', 8, 64, 'uint', 13, 'uint64'),
  info('complex64', 8, 64, 'complex', 14, 'complex64'),
  info('complex128', 16, 128, 'complex', 15, 'complex128'),
  info('bf16', 2, 16, 'float', 16, 'bfloat16'),
  info('f8e4m3fn', 1, 8, 'float', 17, 'float8e4m3fn'),
  info('f8e4m3fnuz', 1, 8, 'float', 18, 'float8e4m3fnuz'),
  info('f8e5m2', 1, 8, 'float', 19, 'float8e5m2'),
  info('f8e5m2fnuz', 1, 8, 'float', 20, 'float8e5m2fnuz'),
  info('u4', 1, 4, 'uint', 21, 'uint4'),
  info('i4', 1, 4, 'int', 22, 'int4'),
  info('f4e2m1', 1, 4, 'float', 23, 'float4e2m1'),
  info('f8e8m0', 1, 8, 'float', 24, 'float8e8m0'),
  info('u2', 1, 2, 'uint', 25, 'uint2'),
  info('i2', 1, 2, 'int', 26, 'int2'),
]);

export const DTYPES: readonly DType[] = [...TABLE.keys()];

export function dtypeInfo(dtype: DType): DTypeInfo {
  return TABLE.get(dtype)!;
}

/** The dtype with this TensorProto.DataType number, or undefined. */
export function dtypeFromOnnx(onnx: number): DType | undefined {
  for (const entry of TABLE.values()) if (entry.onnx === onnx) return entry.name;
  return undefined;
}

/** The dtype with this public (onnxruntime-common) name, or undefined. */
export function dtypeFromApi(api: string): DType | undefined {
  for (const entry of TABLE.values()) if (entry.api === api) return entry.name;
  return undefined;
}

export const isFloat = (d: DType): boolean => dtypeInfo(d).kind === 'float';
export const isInt = (d: DType): boolean => dtypeInfo(d).kind === 'int' || dtypeInfo(d).kind === 'uint';
export const isSigned = (d: DType): boolean => dtypeInfo(d).kind === 'int';

/** Smallest and largest value of an integer type, as bigint. */
export function intRange(dtype: DType): [bigint, bigint] {
  const { bits, kind } = dtypeInfo(dtype);
  if (kind === 'bool') return [0n, 1n];
  const n = BigInt(bits);
  return kind === 'int' ? [-(1n << (n - 1n)), (1n << (n - 1n)) - 1n] : [0n, (1n << n) - 1n];
}

/** Types that only store: arithmetic on them happens in f32. */
export function isStorageFloat(dtype: DType): boolean {
  return isFloat(dtype) && dtype !== 'f32' && dtype !== 'f64';
}
