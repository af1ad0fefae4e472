// SequenceProto and OptionalProto → values in host memory, as ONNX's test data stores them.
import { checkLimit } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { refuse } from '../../support/errors.ts';
import type { Optional, Sequence, SparseTensor, Tensor } from './gen/onnx_pb.ts';
import type { TensorReader } from './tensor.ts';

/** A value of any kind that a model takes or gives. */
export type HostValue = TensorData | HostSequence | HostOptional;
export type HostSequence = { readonly kind: 'sequence'; readonly elems: readonly HostValue[] };
/** null: the optional is empty. */
export type HostOptional = { readonly kind: 'optional'; readonly value: HostValue | null };

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
export function readContainer(root: Container, tensors: TensorReader): HostValue {
  let result: HostValue | undefined;
  const pending = [{ proto: root, depth: 0, put: (v: HostValue): void => void (result = v) }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { proto, depth, put } = next;
    checkLimit(tensors.limits, 'nesting', depth);
    const elems: HostValue[] = [];
    const optional: { kind: 'optional'; value: HostValue | null } = { kind: 'optional', value: null };
    put(isSequence(proto) ? { kind: 'sequence', elems } : optional);
    contents(proto).forEach((item, i) => {
      const store = (v: HostValue): void => void (isSequence(proto) ? (elems[i] = v) : (optional.value = v));
      if (item.$typeName === 'onnx.Tensor') store(tensors.read(item));
      else if (item.$typeName === 'onnx.SparseTensor') store(tensors.readSparse(item));
      else pending.push({ proto: item, depth: depth + 1, put: store });
    });
  }
  return result!;
}
