// Concrete tensors in host memory: dtype, shape and dense little-endian bytes, row-major. Used for
// constants, feeds and results at every stage; elements are read and written as JS numbers/bigints.
import { TilewrightError } from '../support/errors.ts';
import { type DType, dtypeInfo } from './dtype.ts';
import { decodeFloat, encodeFloat } from './float.ts';

export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Dense row-major elements; sub-byte types take one byte each. Empty for strings. */
  readonly bytes: Uint8Array;
  /** Only for dtype 'string'. */
  readonly strings?: readonly string[];
}

/** Element value as seen from JS: bigint for 64-bit integers, number otherwise (bool: 0 or 1). */
export type Scalar = number | bigint;

/** Product of extents; throws LIMIT_EXCEEDED when it is not a safe integer. */
export function elementCount(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) {
    n *= d;
    if (!Number.isSafeInteger(n)) {
      throw new TilewrightError('LIMIT_EXCEEDED', 'tensor has too many elements', { shape });
    }
  }
  return n;
}

/** Row-major strides in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let s = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = s;
    s *= shape[i];
  }
  return strides;
}

/** A zero-filled tensor. */
export function emptyTensor(dtype: DType, shape: readonly number[]): TensorData {
  const n = elementCount(shape);
  if (dtype === 'string') return { dtype, shape, bytes: new Uint8Array(0), strings: new Array(n).fill('') };
  return { dtype, shape, bytes: new Uint8Array(n * dtypeInfo(dtype).bytes) };
}

export interface ElementAccess {
  get(i: number): Scalar;
  set(i: number, value: Scalar): void;
}

/** Element reader/writer over bytes, honouring any byte offset. */
export function elements(dtype: DType, bytes: Uint8Array): ElementAccess {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case 'f32':
      return { get: (i) => view.getFloat32(i * 4, true), set: (i, v) => view.setFloat32(i * 4, Number(v), true) };
    case 'f64':
      return { get: (i) => view.getFloat64(i * 8, true), set: (i, v) => view.setFloat64(i * 8, Number(v), true) };
    case 'i64':
      return { get: (i) => view.getBigInt64(i * 8, true), set: (i, v) => view.setBigInt64(i * 8, BigInt(v), true) };
    case 'u64':
      return { get: (i) => view.getBigUint64(i * 8, true), set: (i, v) => view.setBigUint64(i * 8, BigInt(v), true) };
    case 'i32':
      return { get: (i) => view.getInt32(i * 4, true), set: (i, v) => view.setInt32(i * 4, Number(v), true) };
    case 'u32':
      return { get: (i) => view.getUint32(i * 4, true), set: (i, v) => view.setUint32(i * 4, Number(v), true) };
    case 'i16':
      return { get: (i) => view.getInt16(i * 2, true), set: (i, v) => view.setInt16(i * 2, Number(v), true) };
    case 'u16':
      return { get: (i) => view.getUint16(i * 2, true), set: (i, v) => view.setUint16(i * 2, Number(v), true) };
    case 'i8':
    case 'i4':
    case 'i2':
      return { get: (i) => view.getInt8(i), set: (i, v) => view.setInt8(i, Number(v)) };
    case 'u8':
    case 'u4':
    case 'u2':
      return { get: (i) => view.getUint8(i), set: (i, v) => view.setUint8(i, Number(v)) };
    case 'bool':
      return { get: (i) => (view.getUint8(i) === 0 ? 0 : 1), set: (i, v) => view.setUint8(i, v ? 1 : 0) };
    case 'complex64':
    case 'complex128':
    case 'string':
      throw new TilewrightError('UNSUPPORTED_TYPE', `elements of type ${dtype} have no scalar value`);
    default:
      break;
  }
  const wide = dtypeInfo(dtype).bytes === 2;
  return {
    get: (i) => decodeFloat(dtype, wide ? view.getUint16(i * 2, true) : view.getUint8(i)),
    set: (i, v) => {
      const bits = encodeFloat(dtype, Number(v));
      if (wide) view.setUint16(i * 2, bits, true);
      else view.setUint8(i, bits);
    },
  };
}

/** Builds a tensor from JS values, converting to the dtype. */
export function tensorOf(dtype: DType, shape: readonly number[], values: readonly Scalar[]): TensorData {
  const t = emptyTensor(dtype, shape);
  const access = elements(dtype, t.bytes);
  for (let i = 0; i < values.length; i++) access.set(i, values[i]);
  return t;
}

/** All elements as JS values. */
export function tensorValues(t: TensorData): Scalar[] {
  const n = elementCount(t.shape);
  const access = elements(t.dtype, t.bytes);
  const out = new Array<Scalar>(n);
  for (let i = 0; i < n; i++) out[i] = access.get(i);
  return out;
}

/** All elements as JS numbers (64-bit integers must be safe integers, else LIMIT_EXCEEDED). */
export function tensorNumbers(t: TensorData): number[] {
  return tensorValues(t).map((v) => {
    if (typeof v === 'number') return v;
    const n = Number(v);
    if (Number.isSafeInteger(n)) return n;
    // INT64_MIN/MAX stand for "to the end" in Slice: saturate instead of refusing.
    return v < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  });
}
