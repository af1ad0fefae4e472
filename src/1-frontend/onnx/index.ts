// The frontend's entry points: ONNX bytes in, graph nouns out. Nothing here touches a file system.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Model } from '../../ir/graph.ts';
import { limitsWith, type ModelLimits } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { type HostOptional, type HostSequence, readContainer } from './containers.ts';
import type { FileSource } from './files.ts';
import { OptionalSchema, SequenceSchema, TensorSchema } from './gen/onnx_pb.ts';
import { importModel } from './model.ts';
import { TensorReader } from './tensor.ts';
import { decodeMessage } from './wire.ts';

export type { HostOptional, HostSequence, HostValue } from './containers.ts';
export { type FileSource, memoryFiles } from './files.ts';
export { NEWEST_OPSET } from './opsets.ts';
export { encodeTensor, type GraphSpec, type ModelSpec, writeModel } from './write.ts';

export interface ParseOptions {
  /** Replacements for single limits. */
  readonly limits?: Partial<ModelLimits>;
  /** Where external tensor data comes from; without it such tensors are refused. */
  readonly files?: FileSource;
}

/**
 * Reads a ModelProto. Operators are in their newest form; constants may be views into `bytes`, at any
 * byte offset. Every refusal is a TilewrightError: INVALID_MODEL, UNSUPPORTED_VERSION,
 * UNSUPPORTED_TYPE, LIMIT_EXCEEDED or EXTERNAL_DATA.
 */
export function parseModel(bytes: Uint8Array, options: ParseOptions = {}): Model {
  return importModel(bytes, limitsWith(options.limits), options.files);
}

/** A reader of files that hold one value under a name. */
const valueReader =
  <D extends DescMessage, R>(schema: D, read: (proto: MessageShape<D>, tensors: TensorReader) => R) =>
  (bytes: Uint8Array, options: ParseOptions = {}): R => {
    const limits = limitsWith(options.limits);
    return read(decodeMessage(schema, bytes, limits), new TensorReader(limits, options.files));
  };

/** Reads a TensorProto file. Throws as `parseModel`. */
export const parseTensor = valueReader(TensorSchema, (proto, tensors): { name: string; tensor: TensorData } => {
  return { name: proto.name, tensor: tensors.read(proto) };
});

/** Reads a SequenceProto file. Throws as `parseModel`. */
export const parseSequence = valueReader(SequenceSchema, (proto, tensors): { name: string; value: HostSequence } => {
  return { name: proto.name, value: readContainer(proto, tensors) as HostSequence };
});

/** Reads an OptionalProto file. Throws as `parseModel`. */
export const parseOptional = valueReader(OptionalSchema, (proto, tensors): { name: string; value: HostOptional } => {
  return { name: proto.name, value: readContainer(proto, tensors) as HostOptional };
});
