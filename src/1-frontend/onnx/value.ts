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

const isSequence = (p: Container): p is Sequence => p.$typeName === 'onnx.Sequence';

/** The field of OptionalProto that holds the value, by its DataType; that of SequenceProto is the same in the plural. */
const FIELDS = { 1: 'tensorValue', 2: 'sparseTensorValue', 3: 'sequenceValue', 5: 'optionalValue' } as const;

function contents(p: Container): readonly (Tensor | SparseTensor | Container)[] {
  if (p.elemType === 0) return [];
  if (p.elemType === 4) return refuse('UNSUPPORTED_TYPE', 'maps are not supported');
  const field = FIELDS[p.elemType as keyof typeof FIELDS];
  if (!field) return refuse('INVALID_MODEL', `element type ${p.elemType}`);
  if (isSequence(p)) return p[`${field}s`];
  const value = p[field];
  return value ? [value] : [];
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
