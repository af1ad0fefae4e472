// The public Tensor, shaped as in onnxruntime-common: type name, typed array, dims. In: user data. Out: TensorData for
// the compiler's programs, and back.
import { type DType, dtypeFromApi, dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { refuse } from '../support/errors.ts';

type Integers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type TypedArray = Integers | Float32Array | Float64Array | BigInt64Array | BigUint64Array;

export type TensorElements = TypedArray | readonly string[];
type GivenElements = TensorElements | readonly number[] | readonly bigint[] | readonly boolean[];

type ArrayClass = {
  new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray;
  from(values: Iterable<never>): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
};

/** By growing size. */
const SIGNED = [Int8Array, Int16Array, Int32Array, BigInt64Array];
const UNSIGNED = [Uint8Array, Uint16Array, Uint32Array, BigUint64Array];

/** Typed array per dtype; narrow floats are given as their bit patterns, sub-byte types one per byte. */
export function arrayClass(dtype: DType): ArrayClass {
  const { kind, bytes } = dtypeInfo(dtype);
  if (dtype === 'f32' || dtype === 'complex64') return Float32Array;
  if (dtype === 'f64' || dtype === 'complex128') return Float64Array;
  return (kind === 'int' ? SIGNED : UNSIGNED)[Math.log2(bytes)] as unknown as ArrayClass;
}

/**
 * A dense row-major tensor. `type` is the onnxruntime-common name ('float32', 'int64', 'bool', …). float16 and bfloat16
 * data are bit patterns in a Uint16Array; bool is a Uint8Array of 0 and 1.
 */
export class Tensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorElements;

  /**
   * @param type element type; may be left out when `data` is a typed array that implies it
   * @throws TilewrightError INVALID_INPUT when type, data and dims do not agree
   */
  constructor(type: string, data: GivenElements, dims?: readonly number[]) {
    const hint = 'Types are named as in onnxruntime-common: float32, int64, bool, …';
    const dtype = dtypeFromApi(type) ?? refuse('INVALID_INPUT', `unknown tensor type ${type}`, {}, hint);
    this.type = type;
    this.data = toElements(dtype, data);
    this.dims = Object.freeze([...(dims ?? [this.data.length / complexParts(dtype)])]);
    const place = { shape: this.dims };
    const whole = this.dims.every((d) => Number.isSafeInteger(d) && d >= 0);
    if (!whole) refuse('INVALID_INPUT', 'dims must be non-negative integers', place);
    const { length } = this.data;
    const fits = elementCount(this.dims) * complexParts(dtype) === length;
    if (!fits) refuse('INVALID_INPUT', `${length} elements do not fill the dims`, place);
  }

  get size(): number {
    return elementCount(this.dims);
  }

  /** Same data under other dims of equal size. */
  reshape(dims: readonly number[]): Tensor {
    return new Tensor(this.type, this.data, dims);
  }
}

const complexParts = (dtype: DType): number => (dtypeInfo(dtype).kind === 'complex' ? 2 : 1);

function toElements(dtype: DType, data: GivenElements): TensorElements {
  if (dtype === 'string') {
    return Array.isArray(data) ? data : refuse('INVALID_INPUT', 'string tensors take an array of strings');
  }
  const wanted = arrayClass(dtype);
  if (ArrayBuffer.isView(data)) {
    if (data instanceof (wanted as never as new () => TypedArray)) return data as TypedArray;
    const { buffer, byteOffset, byteLength } = data;
    const size = wanted.BYTES_PER_ELEMENT;
    if ((data as TypedArray).BYTES_PER_ELEMENT === size && size <= 2) {
      return new wanted(buffer, byteOffset, byteLength / size);
    }
    refuse('INVALID_INPUT', `${dtypeInfo(dtype).api} takes a ${wanted.name}`);
  }
  const values = data as readonly (number | bigint | boolean)[];
  const big = dtype === 'i64' || dtype === 'u64';
  return wanted.from(values.map((v) => (big ? BigInt(v) : Number(v))) as never);
}

/** The tensor's bytes as the compiler's programs take them (a view where alignment allows). */
export function toTensorData(t: Tensor): TensorData {
  const dtype = dtypeFromApi(t.type)!;
  const a = t.data as TypedArray;
  if (dtype === 'string') return { dtype, shape: t.dims, bytes: new Uint8Array(0), strings: t.data as string[] };
  return { dtype, shape: t.dims, bytes: new Uint8Array(a.buffer, a.byteOffset, a.byteLength) };
}

/** A public tensor over result bytes. */
export function fromTensorData(d: TensorData): Tensor {
  const api = dtypeInfo(d.dtype).api;
  if (d.dtype === 'string') return new Tensor(api, d.strings!, d.shape);
  const cls = arrayClass(d.dtype);
  const bytes = d.bytes.byteOffset % 8 === 0 ? d.bytes : d.bytes.slice();
  return new Tensor(api, new cls(bytes.buffer, bytes.byteOffset, bytes.byteLength / cls.BYTES_PER_ELEMENT), d.shape);
}
