// Element types of tensors: name, ONNX number, storage and range, as one table. Sub-byte types are stored one element
// per byte inside the compiler; packing is the frontend's work.
/**
 * Name; bytes per stored element (sub-byte types: 1; string: 0); bits of the ONNX type; kind; TensorProto.DataType number;
 * name in onnxruntime-common and in the public API.
 */
const ROWS = [
  ['f32', 4, 32, 'float', 1, 'float32'],
  ['u8', 1, 8, 'uint', 2, 'uint8'],
  ['i8', 1, 8, 'int', 3, 'int8'],
  ['u16', 2, 16, 'uint', 4, 'uint16'],
  ['i16', 2, 16, 'int', 5, 'int16'],
  ['i32', 4, 32, 'int', 6, 'int32'],
  ['i64', 8, 64, 'int', 7, 'int64'],
  ['string', 0, 0, 'string', 8, 'string'],
  ['bool', 1, 8, 'bool', 9, 'bool'],
  ['f16', 2, 16, 'float', 10, 'float16'],
  ['f64', 8, 64, 'float', 11, 'float64'],
  ['u32', 4, 32, 'uint', 12, 'uint32'],
  ['u64', 8, 64, 'uint', 13, 'uint64'],
  ['complex64', 8, 64, 'complex', 14, 'complex64'],
  ['complex128', 16, 128, 'complex', 15, 'complex128'],
  ['bf16', 2, 16, 'float', 16, 'bfloat16'],
  ['f8e4m3fn', 1, 8, 'float', 17, 'float8e4m3fn'],
  ['f8e4m3fnuz', 1, 8, 'float', 18, 'float8e4m3fnuz'],
  ['f8e5m2', 1, 8, 'float', 19, 'float8e5m2'],
  ['f8e5m2fnuz', 1, 8, 'float', 20, 'float8e5m2fnuz'],
  ['u4', 1, 4, 'uint', 21, 'uint4'],
  ['i4', 1, 4, 'int', 22, 'int4'],
  ['f4e2m1', 1, 4, 'float', 23, 'float4e2m1'],
  ['f8e8m0', 1, 8, 'float', 24, 'float8e8m0'],
  ['u2', 1, 2, 'uint', 25, 'uint2'],
  ['i2', 1, 2, 'int', 26, 'int2'],
] as const;

export type DType = (typeof ROWS)[number][0];

const TABLE = new Map(
  ROWS.map(([name, bytes, bits, kind, onnx, api]) => [name, Object.freeze({ name, bytes, bits, kind, onnx, api })]),
);

export const DTYPES: readonly DType[] = [...TABLE.keys()];

/** The row of a type. */
export const dtypeInfo = (dtype: DType) => TABLE.get(dtype)!;

/** The dtype with this TensorProto.DataType number, or undefined. */
export const dtypeFromOnnx = (onnx: number): DType | undefined => ROWS.find((row) => row[4] === onnx)?.[0];

/** The dtype with this public (onnxruntime-common) name, or undefined. */
export const dtypeFromApi = (api: string): DType | undefined => ROWS.find((row) => row[5] === api)?.[0];

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
export const isStorageFloat = (d: DType): boolean => isFloat(d) && d !== 'f32' && d !== 'f64';
