// The frontend's entry points: ONNX bytes in, graph nouns out. Nothing here touches a file system.
import type { Model } from '../../ir/graph.ts';
import { limitsWith, type ModelLimits } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { TilewrightError } from '../../support/errors.ts';
import { type HostOptional, type HostSequence, readContainer } from './containers.ts';
import type { FileSource } from './files.ts';
import { OptionalSchema, SequenceSchema, TensorSchema } from './gen/onnx_pb.ts';
import { importModel } from './model.ts';
import { TensorReader } from './tensor.ts';
import { decodeMessage } from './wire.ts';

export type { HostOptional, HostSequence, HostValue } from './containers.ts';
export { type FileSource, memoryFiles } from './files.ts';
export { NEWEST_OPSET } from './opsets.ts';
export { attr, encodeTensor, type GraphSpec, type ModelSpec, writeModel } from './write.ts';

export interface ParseOptions {
  /** Replacements for single limits. */
  readonly limits?: Partial<ModelLimits>;
  /** Where external tensor data comes from; without it such tensors are refused. */
  readonly files?: FileSource;
}

/**
 * Reads a ModelProto. Operators are in their newest form; constants may be views into `bytes`, at any byte offset.
 * Every refusal is a TilewrightError: INVALID_MODEL, UNSUPPORTED_VERSION, UNSUPPORTED_TYPE, LIMIT_EXCEEDED or
 * EXTERNAL_DATA.
 */
export function parseModel(bytes: Uint8Array, options: ParseOptions = {}): Model {
  checkBytes(bytes);
  return importModel(bytes, limitsWith(options.limits), options.files);
}

/** JavaScript callers pass all sorts of things; only bytes are read. */
function checkBytes(bytes: unknown): void {
  if (bytes instanceof Uint8Array) return;
  throw new TilewrightError('USAGE', 'the model must be a Uint8Array', {}, 'Read the file first.');
}

/** Reads a TensorProto file. Throws as `parseModel`. */
export function parseTensor(bytes: Uint8Array, options: ParseOptions = {}): { name: string; tensor: TensorData } {
  checkBytes(bytes);
  const limits = limitsWith(options.limits);
  const proto = decodeMessage(TensorSchema, bytes, limits);
  return { name: proto.name, tensor: new TensorReader(limits, options.files).read(proto) };
}

/** Reads a SequenceProto file. Throws as `parseModel`. */
export function parseSequence(bytes: Uint8Array, options: ParseOptions = {}): { name: string; value: HostSequence } {
  checkBytes(bytes);
  const limits = limitsWith(options.limits);
  const proto = decodeMessage(SequenceSchema, bytes, limits);
  return { name: proto.name, value: readContainer(proto, limits) as HostSequence };
}

/** Reads an OptionalProto file. Throws as `parseModel`. */
export function parseOptional(bytes: Uint8Array, options: ParseOptions = {}): { name: string; value: HostOptional } {
  checkBytes(bytes);
  const limits = limitsWith(options.limits);
  const proto = decodeMessage(OptionalSchema, bytes, limits);
  return { name: proto.name, value: readContainer(proto, limits) as HostOptional };
}
