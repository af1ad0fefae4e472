// SequenceProto and OptionalProto → values in host memory, as ONNX's test data stores them.
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { TilewrightError } from '../../support/errors.ts';
import type { Optional, Sequence } from './gen/onnx_pb.ts';
import { TensorReader } from './tensor.ts';

/** A value of any kind that a model takes or gives. */
export type HostValue = TensorData | HostSequence | HostOptional;
export interface HostSequence {
  readonly kind: 'sequence';
  readonly elems: readonly HostValue[];
}
export interface HostOptional {
  readonly kind: 'optional';
  /** null: the optional is empty. */
  readonly value: HostValue | null;
}

/** SequenceProto.DataType and OptionalProto.DataType. */
const KIND = { undefined: 0, tensor: 1, sparse: 2, sequence: 3, map: 4, optional: 5 } as const;

/** A container whose elements are still to be read, with the place for the result. */
interface Pending {
  readonly proto: Sequence | Optional;
  readonly depth: number;
  readonly put: (value: HostValue) => void;
}

const isSequence = (p: Sequence | Optional): p is Sequence => p.$typeName === 'onnx.Sequence';

function unsupported(elemType: number): never {
  const what = elemType === KIND.map ? 'maps are not supported' : `element type ${elemType}`;
  throw new TilewrightError(elemType === KIND.map ? 'UNSUPPORTED_TYPE' : 'INVALID_MODEL', what);
}

/** Decodes a container with a work list; nesting is bounded by the limits. */
export function readContainer(root: Sequence | Optional, limits: ModelLimits): HostValue {
  const tensors = new TensorReader(limits);
  let result: HostValue | undefined;
  const pending: Pending[] = [{ proto: root, depth: 0, put: (v) => (result = v) }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { proto, depth, put } = next;
    checkLimit(limits, 'nesting', depth);
    const enter = (child: Sequence | Optional, store: (v: HostValue) => void): void => {
      pending.push({ proto: child, depth: depth + 1, put: store });
    };
    put(isSequence(proto) ? sequence(proto, tensors, enter) : optional(proto, tensors, enter));
  }
  return result!;
}

type Enter = (child: Sequence | Optional, put: (v: HostValue) => void) => void;

function sequence(proto: Sequence, tensors: TensorReader, enter: Enter): HostSequence {
  const elems: HostValue[] = [];
  const children = (list: readonly (Sequence | Optional)[]): void => {
    list.forEach((child, i) => {
      enter(child, (v) => void (elems[i] = v));
    });
  };
  switch (proto.elemType) {
    case KIND.undefined:
      break;
    case KIND.tensor:
      for (const t of proto.tensorValues) elems.push(tensors.read(t));
      break;
    case KIND.sparse:
      for (const t of proto.sparseTensorValues) elems.push(tensors.readSparse(t));
      break;
    case KIND.sequence:
      children(proto.sequenceValues);
      break;
    case KIND.optional:
      children(proto.optionalValues);
      break;
    default:
      unsupported(proto.elemType);
  }
  return { kind: 'sequence', elems };
}

function optional(proto: Optional, tensors: TensorReader, enter: Enter): HostOptional {
  const result: { kind: 'optional'; value: HostValue | null } = { kind: 'optional', value: null };
  const child = (inner: Sequence | Optional | undefined): void => {
    if (inner) enter(inner, (v) => void (result.value = v));
  };
  switch (proto.elemType) {
    case KIND.undefined:
      break;
    case KIND.tensor:
      if (proto.tensorValue) result.value = tensors.read(proto.tensorValue);
      break;
    case KIND.sparse:
      if (proto.sparseTensorValue) result.value = tensors.readSparse(proto.sparseTensorValue);
      break;
    case KIND.sequence:
      child(proto.sequenceValue);
      break;
    case KIND.optional:
      child(proto.optionalValue);
      break;
    default:
      unsupported(proto.elemType);
  }
  return result;
}
