// The entry point for Node: models from paths with external data, and every target of this machine.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileSource } from './1-frontend/onnx/files.ts';
import { nodeFiles, readRegion } from './1-frontend/onnx/node-files.ts';
import type { ReadOptions } from './1-frontend/onnx/tensor.ts';
import { DEFAULT_TARGET } from './backends/backend.ts';
import { type NodeBackendOptions, type NodeTarget, nodeBackend } from './backends/node.ts';
import { parseModel } from './compile.ts';
import type { Model } from './ir/graph.ts';
import { checkLimit, limitsWith, type ModelLimits } from './ir/limits.ts';
import { refuse, TilewrightError } from './support/errors.ts';
import { MANY_PAGES } from './support/large-pages.ts';
import { Session as BaseSession, type SessionOptions } from './web/session.ts';

export * from './web/session.ts';

export interface CreateOptions extends SessionOptions, Pick<NodeBackendOptions, 'device' | 'revectorize'> {
  /** 'wasm' (default), 'c' or 'interpreter'. */
  readonly target?: NodeTarget;
  /** Where external tensor data comes from; default: the folder of the model, when it is a path. */
  readonly files?: FileSource;
}

/** Reads and parses a model from a path, a file URL or bytes. */
export function readModel(model: string | URL | Uint8Array | ArrayBuffer, options: ReadOptions = {}): Model {
  const limits = limitsWith(options.limits);
  if (model instanceof Uint8Array) return parseModel(model, options);
  if (model instanceof ArrayBuffer) return readModel(new Uint8Array(model), options);
  const file = model instanceof URL ? fileURLToPath(model) : model;
  const files = options.files ?? nodeFiles(path.dirname(path.resolve(file)));
  return parseModel(readFile(file, limits), { limits, files });
}

function readFile(file: string, limits: ModelLimits): Uint8Array {
  try {
    const fd = fs.openSync(file, 'r');
    try {
      const { size } = fs.fstatSync(fd);
      checkLimit(limits, 'modelBytes', size, { file });
      const ended = (): never => refuse('USAGE', 'the model became shorter while it was read', { file });
      return size < MANY_PAGES ? fs.readFileSync(fd) : readRegion(fd, 0, size, ended);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    if (error instanceof TilewrightError) throw error;
    const what = `cannot read the model: ${(error as NodeJS.ErrnoException).code ?? error}`;
    throw new TilewrightError('USAGE', what, { file });
  }
}

export class Session extends BaseSession {
  /**
   * Parses and checks a model, and compiles it when its shapes are fixed.
   * @param model path, file URL or ONNX bytes
   * @throws TilewrightError for anything that is refused
   */
  static async create(model: string | URL | Uint8Array | ArrayBuffer, options: CreateOptions = {}): Promise<Session> {
    const parsed = readModel(model, options);
    const session = new Session(parsed, await nodeBackend(options.target ?? DEFAULT_TARGET, options), options);
    await session.prepare();
    return session;
  }
}
