// TensorProto and SparseTensorProto → TensorData. One reader per model counts the bytes of all its constants, and every
// place where a tensor can stand in a model goes through it, so that no site escapes the checks of sizes and of
// external data. Raw payloads stay views at any byte offset.
import { type DType, dtypeFromOnnx, dtypeInfo } from '../../ir/dtype.ts';
import { checkedProduct, checkLimit, type ModelLimits } from '../../ir/limits.ts';
import { elements, emptyTensor, rowMajorStrides, type TensorData } from '../../ir/tensor.ts';
import { printable, refuse } from '../../support/errors.ts';
import type { FileSource } from './files.ts';
import type { SparseTensor, Tensor } from './gen/onnx_pb.ts';
import { fromList, fromRaw, listEntries, listOf, packedBytes } from './payload.ts';

/** TensorProto.DataLocation. */
const [DEFAULT_LOCATION, EXTERNAL_LOCATION] = [0, 1];

/** Refuses a value of the model. */
export function invalid(what: string, name?: string, hint?: string): never {
  return refuse('INVALID_MODEL', what, { value: name }, hint);
}

/** The element type of this TensorProto.DataType number; INVALID_MODEL when there is none. */
export const elementType = (onnx: number, name: string): DType =>
  dtypeFromOnnx(onnx) ?? invalid(`${onnx} is not an ONNX element type`, name);

export interface ReadOptions {
  /** Replacements for single limits. */
  readonly limits?: Partial<ModelLimits>;
  /** Where external tensor data comes from; without it such tensors are refused. */
  readonly files?: FileSource;
}

/** Decodes the tensors of one model; see the file comment. */
export class TensorReader {
  readonly limits: ModelLimits;
  private readonly files: FileSource | undefined;
  private constantBytes = 0;
  private denseBytes = 0;

  constructor(limits: ModelLimits, files?: FileSource) {
    this.limits = limits;
    this.files = files;
  }

  /** A dense tensor. Throws INVALID_MODEL, EXTERNAL_DATA, UNSUPPORTED_TYPE or LIMIT_EXCEEDED. */
  read(proto: Tensor, name: string = proto.name): TensorData {
    const dtype = elementType(proto.dataType, name);
    const { shape, count } = this.shapeOf(proto.dims, name);
    if (proto.segment) invalid('the tensor is split into segments', name, 'Save the model with whole tensors.');
    const bytes = dtype === 'string' ? 0 : checkedProduct([count, dtypeInfo(dtype).bytes]);
    this.constantBytes += bytes;
    checkLimit(this.limits, 'constantBytes', this.constantBytes, { value: name });
    if (proto.dataLocation === EXTERNAL_LOCATION) {
      return { dtype, shape, bytes: this.external(proto, dtype, count, name) };
    }
    if (proto.dataLocation !== DEFAULT_LOCATION) invalid(`data_location ${proto.dataLocation} is unknown`, name);
    if (dtype === 'string') return this.stringTensor(proto, shape, count, name);
    return { dtype, shape, bytes: this.inline(proto, dtype, count, name) };
  }

  /** A sparse tensor made dense. Bounded by the limits on folded tensors, since its file can be tiny. */
  readSparse(proto: SparseTensor, name: string = proto.values?.name ?? ''): TensorData {
    if (!proto.values || !proto.indices) invalid('a sparse tensor lacks values or indices', name);
    const { shape, count } = this.shapeOf(proto.dims, name);
    const values = this.read(proto.values, name);
    const indices = this.read(proto.indices, name);
    const { dtype } = values;
    const { bytes: size } = dtypeInfo(dtype);
    if (size === 0) refuse('UNSUPPORTED_TYPE', 'sparse tensors of strings', { value: name });
    const denseBytes = checkedProduct([count, size]);
    this.denseBytes += denseBytes;
    checkLimit(this.limits, 'foldedTensorBytes', denseBytes, { value: name });
    checkLimit(this.limits, 'foldedBytes', this.denseBytes, { value: name });
    const dense = emptyTensor(dtype, shape);
    flatIndices(indices, values, shape, count, name).forEach((offset, i) => {
      dense.bytes.set(values.bytes.subarray(i * size, (i + 1) * size), offset * size);
    });
    return dense;
  }

  private shapeOf(dims: readonly bigint[], name: string): { shape: number[]; count: number } {
    const place = { value: name };
    checkLimit(this.limits, 'rank', dims.length, place);
    const shape = dims.map((dim) => {
      if (dim < 0n) invalid(`extent ${dim} is negative`, name);
      checkLimit(this.limits, 'extent', Number(dim), place);
      return Number(dim);
    });
    const count = checkedProduct(shape, place);
    checkLimit(this.limits, 'elements', count, place);
    return { shape, count };
  }

  private inline(proto: Tensor, dtype: DType, count: number, name: string): Uint8Array {
    const entries = proto[listOf(dtype)].length;
    if (listLengths(proto) > entries) invalid(`data of another type than ${dtype}`, name);
    if (proto.rawData !== undefined && (proto.rawData.length > 0 || entries === 0)) {
      if (entries > 0) invalid('both raw_data and a typed list hold data', name);
      const want = packedBytes(dtype, count);
      const { length } = proto.rawData;
      if (length !== want) invalid(`raw_data has ${length} bytes, the shape needs ${want}`, name);
      return fromRaw(dtype, count, proto.rawData);
    }
    const want = listEntries(dtype, count);
    if (entries !== want) invalid(`${entries} values for a shape that needs ${want}`, name);
    return fromList(dtype, count, proto);
  }

  private stringTensor(proto: Tensor, shape: number[], count: number, name: string): TensorData {
    const { length } = proto.stringData;
    if ((proto.rawData?.length ?? 0) > 0) invalid('strings cannot be raw data', name);
    if (listLengths(proto) > length) invalid('numbers in a string tensor', name);
    if (length !== count) invalid(`${length} strings for a shape that needs ${count}`, name);
    const decoder = new TextDecoder();
    const strings = proto.stringData.map((s) => decoder.decode(s));
    return { dtype: 'string', shape, bytes: new Uint8Array(0), strings };
  }

  private external(proto: Tensor, dtype: DType, count: number, name: string): Uint8Array {
    const fail = (what: string, hint?: string): never => refuse('EXTERNAL_DATA', what, { value: name }, hint);
    if (dtype === 'string') fail('strings cannot be external data');
    const inline = listLengths(proto) + (proto.rawData?.length ?? 0);
    if (inline > 0) fail('the tensor has both external and inline data');
    const entries = new Map<string, string>();
    for (const { key, value } of proto.externalData) {
      if (entries.has(key)) fail(`external data has two entries "${printable(key)}"`);
      entries.set(key, value);
    }
    const natural = (key: string, fallback: number): number => {
      const text = entries.get(key) ?? String(fallback);
      if (!/^\d{1,15}$/.test(text)) fail(`${key} is not a natural number`);
      return Number(text);
    };
    const location = entries.get('location') ?? fail('external data has no location');
    const offset = natural('offset', 0);
    const want = packedBytes(dtype, count);
    const length = natural('length', want);
    if (length !== want) fail(`external data has ${length} bytes, the shape needs ${want}`);
    if (!this.files) {
      const hint = 'Compile from a file path, or pass `files` with the external data.';
      return fail('the tensor lies in another file, and no folder was given', hint);
    }
    const bytes = this.files.readExternal(location, offset, length);
    if (bytes.length !== want) fail(`the source gave ${bytes.length} bytes instead of ${want}`);
    return fromRaw(dtype, count, bytes);
  }
}

/** Entries in all typed lists together. */
function listLengths(p: Tensor): number {
  const lists = [p.floatData, p.int32Data, p.stringData, p.int64Data, p.doubleData, p.uint64Data];
  return lists.reduce((n, list) => n + list.length, 0);
}

/** Flat element offsets of a sparse tensor's values: strictly ascending, within the shape. */
function flatIndices(indices: TensorData, values: TensorData, shape: readonly number[], count: number, name: string) {
  const nnz = values.shape[0] ?? 0;
  if (values.shape.length !== 1) invalid('values of a sparse tensor must have rank 1', name);
  if (indices.dtype !== 'i64') invalid('indices of a sparse tensor must be int64', name);
  const linear = indices.shape.length === 1 && indices.shape[0] === nnz;
  const coordinates = indices.shape.length === 2 && indices.shape[0] === nnz && indices.shape[1] === shape.length;
  if (!linear && !coordinates) invalid('indices of a sparse tensor have the wrong shape', name);
  const access = elements('i64', indices.bytes);
  const extents = linear ? [count] : shape;
  const steps = rowMajorStrides(extents);
  const offsets: number[] = [];
  let last = -1;
  for (let i = 0; i < nnz; i++) {
    let flat = 0;
    for (let k = 0; k < steps.length; k++) {
      const index = Number(access.get(i * steps.length + k));
      if (index < 0 || index >= extents[k]) invalid(`sparse index ${index} is out of range`, name);
      flat += index * steps[k];
    }
    if (flat <= last) invalid('indices of a sparse tensor are not ascending', name);
    offsets.push(flat);
    last = flat;
  }
  return offsets;
}
