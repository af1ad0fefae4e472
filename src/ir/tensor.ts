// Concrete tensors in host memory: dtype, shape and dense little-endian bytes, row-major. Used for constants, feeds and
// results at every stage; elements are read and written as JS numbers/bigints.
import { refuse } from '../support/errors.ts';
import type { ValueOf } from './composite.ts';
import { type DType, dtypeInfo } from './dtype.ts';
import { decodeFloat, encodeFloat } from './float.ts';
import { checkedProduct } from './limits.ts';

export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Dense row-major elements; sub-byte types take one byte each. Empty for strings. */
  readonly bytes: Uint8Array;
  /** Only for dtype 'string'. */
  readonly strings?: readonly string[];
  /** Makes the bytes, anew each time, in memory of their size. */
  readonly deferred?: (to: Uint8Array) => void;
  /** The same with elements in any order. */
  readonly scatter?: (to: Uint8Array, places: Places) => void;
}

/** Where elements go: the one at index i to Σ places[d][i_d]. */
export type Places = readonly Int32Array[];

/** Data that takes no memory until its bytes are used. */
export const deferred = (dtype: DType, shape: readonly number[], make: (to: Uint8Array) => void): TensorData => ({
  dtype,
  shape,
  deferred: make,
  get bytes() {
    const { bytes } = emptyTensor(dtype, shape);
    make(bytes);
    return bytes;
  },
});

/** Data made on demand, in any order of its elements. */
export const scattered = (dtype: DType, shape: readonly number[], scatter: TensorData['scatter'] & {}): TensorData => {
  const strides = rowMajorStrides(shape);
  const places = shape.map((n, d) => Int32Array.from({ length: n }, (_, i) => i * strides[d]));
  const inOrder = deferred(dtype, shape, (to) => scatter(to, places));
  return Object.assign(inOrder, { scatter });
};

/** A value that a model takes or gives. */
export type RunValue = ValueOf<TensorData>;

/** Element value as seen from JS: bigint for 64-bit integers, number otherwise (bool: 0 or 1). */
export type Scalar = number | bigint;

/** Product of extents; throws LIMIT_EXCEEDED when it is not a safe integer. */
export const elementCount = (shape: readonly number[]): number => checkedProduct(shape, { shape });

/** Bytes of all elements; throws as `elementCount` does. */
export const bytesOf = ({ dtype, shape }: Pick<TensorData, 'dtype' | 'shape'>): number =>
  elementCount(shape) * dtypeInfo(dtype).bytes;

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

export type ElementAccess = { get(i: number): Scalar; set(i: number, value: Scalar): void };

/** Access to elements per type; narrow floats go through their bit patterns. */
const ACCESS: Partial<Record<DType, (m: DataView) => ElementAccess>> = {
  f32: (m) => ({ get: (i) => m.getFloat32(i * 4, true), set: (i, v) => m.setFloat32(i * 4, Number(v), true) }),
  f64: (m) => ({ get: (i) => m.getFloat64(i * 8, true), set: (i, v) => m.setFloat64(i * 8, Number(v), true) }),
  i64: (m) => ({ get: (i) => m.getBigInt64(i * 8, true), set: (i, v) => m.setBigInt64(i * 8, BigInt(v), true) }),
  u64: (m) => ({ get: (i) => m.getBigUint64(i * 8, true), set: (i, v) => m.setBigUint64(i * 8, BigInt(v), true) }),
  i32: (m) => ({ get: (i) => m.getInt32(i * 4, true), set: (i, v) => m.setInt32(i * 4, Number(v), true) }),
  u32: (m) => ({ get: (i) => m.getUint32(i * 4, true), set: (i, v) => m.setUint32(i * 4, Number(v), true) }),
  i16: (m) => ({ get: (i) => m.getInt16(i * 2, true), set: (i, v) => m.setInt16(i * 2, Number(v), true) }),
  u16: (m) => ({ get: (i) => m.getUint16(i * 2, true), set: (i, v) => m.setUint16(i * 2, Number(v), true) }),
  i8: (m) => ({ get: (i) => m.getInt8(i), set: (i, v) => m.setInt8(i, Number(v)) }),
  u8: (m) => ({ get: (i) => m.getUint8(i), set: (i, v) => m.setUint8(i, Number(v)) }),
  bool: (m) => ({ get: (i) => (m.getUint8(i) === 0 ? 0 : 1), set: (i, v) => m.setUint8(i, v ? 1 : 0) }),
};

/** Sub-byte types take one byte per element. */
const STORED: Partial<Record<DType, DType>> = { i4: 'i8', i2: 'i8', u4: 'u8', u2: 'u8' };

/** Element reader/writer over bytes, honouring any byte offset. Throws UNSUPPORTED_TYPE where elements are no scalars. */
export function elements(dtype: DType, bytes: Uint8Array): ElementAccess {
  const { kind, bytes: width } = dtypeInfo(dtype);
  if (kind === 'complex' || kind === 'string') {
    refuse('UNSUPPORTED_TYPE', `elements of type ${dtype} have no scalar value`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const direct = ACCESS[STORED[dtype] ?? dtype]?.(view);
  if (direct) return direct;
  const bits = ACCESS[width === 2 ? 'u16' : 'u8']!(view);
  return {
    get: (i) => decodeFloat(dtype, bits.get(i) as number),
    set: (i, v) => bits.set(i, encodeFloat(dtype, Number(v))),
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
  const access = elements(t.dtype, t.bytes);
  return Array.from({ length: elementCount(t.shape) }, (_, i) => access.get(i));
}

/** All elements as JS numbers; INT64_MIN and INT64_MAX, which mean "to the end", saturate to the safe integers. */
export function tensorNumbers(t: TensorData): number[] {
  const safe = (n: number): number => Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, n));
  return tensorValues(t).map((v) => (typeof v === 'number' ? v : safe(Number(v))));
}

/** Bytes as floats; a copy where they are not aligned, as payloads of a model file may be. */
export function floats(b: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = b.byteOffset % 4 === 0 ? b : b.slice();
  return new Float32Array(buffer, byteOffset, length / 4);
}
