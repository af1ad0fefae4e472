// Files of one value, as ONNX's test data stores them: TensorProto, SequenceProto and OptionalProto → values in host
// memory.
import type { ValueType } from '../../ir/graph.ts';
import { checkLimit, limitsWith } from '../../ir/limits.ts';
import type { RunValue } from '../../ir/tensor.ts';
import { refuse } from '../../support/errors.ts';
import type { Optional, Sequence, SparseTensor, Tensor } from './gen/onnx_pb.ts';
import { OptionalSchema, SequenceSchema, TensorSchema } from './gen/onnx_pb.ts';
import { type ReadOptions, TensorReader } from './tensor.ts';
import { decodeMessage } from './wire.ts';

type Container = Sequence | Optional;

const atMostOne = <T>(value: T | undefined): readonly T[] => (value === undefined ? [] : [value]);
const isSequence = (p: Container): p is Sequence => p.$typeName === 'onnx.Sequence';

/** What a container holds, by SequenceProto.DataType or OptionalProto.DataType. */
function contents(p: Container): readonly (Tensor | SparseTensor | Container)[] {
  switch (p.elemType) {
    case 0:
      return [];
    case 1:
      return isSequence(p) ? p.tensorValues : atMostOne(p.tensorValue);
    case 2:
      return isSequence(p) ? p.sparseTensorValues : atMostOne(p.sparseTensorValue);
    case 3:
      return isSequence(p) ? p.sequenceValues : atMostOne(p.sequenceValue);
    case 4:
      return refuse('UNSUPPORTED_TYPE', 'maps are not supported');
    case 5:
      return isSequence(p) ? p.optionalValues : atMostOne(p.optionalValue);
    default:
      return refuse('INVALID_MODEL', `element type ${p.elemType}`);
  }
}

/** Decodes a container with a work list; nesting is bounded by the limits. */
function readContainer(root: Container, tensors: TensorReader): RunValue {
  let result: RunValue | undefined;
  const pending = [{ proto: root, depth: 0, put: (v: RunValue): void => void (result = v) }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { proto, depth, put } = next;
    checkLimit(tensors.limits, 'nesting', depth);
    const elems: RunValue[] = [];
    const optional: { kind: 'optional'; value: RunValue | null } = { kind: 'optional', value: null };
    put(isSequence(proto) ? { kind: 'sequence', elems } : optional);
    contents(proto).forEach((item, i) => {
      const store = (v: RunValue): void => void (isSequence(proto) ? (elems[i] = v) : (optional.value = v));
      if (item.$typeName === 'onnx.Tensor') store(tensors.read(item));
      else if (item.$typeName === 'onnx.SparseTensor') store(tensors.readSparse(item));
      else pending.push({ proto: item, depth: depth + 1, put: store });
    });
  }
  return result!;
}

const SCHEMAS = { tensor: TensorSchema, sequence: SequenceSchema, optional: OptionalSchema };

/** Reads a file that holds a value of this kind under a name. Throws as `importModel`. */
export function parseValue(bytes: Uint8Array, kind: ValueType['kind'], options: ReadOptions = {}) {
  const limits = limitsWith(options.limits);
  const proto: Tensor | Container = decodeMessage(SCHEMAS[kind], bytes, limits);
  const tensors = new TensorReader(limits, options.files);
  const value = proto.$typeName === 'onnx.Tensor' ? tensors.read(proto) : readContainer(proto, tensors);
  return { name: proto.name, value };
}
