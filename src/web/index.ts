// The entry point for browsers and other hosts without a file system: sessions over bytes, compiled to WebAssembly on
// the spot. Nothing reachable from here imports Node code.
import { DEFAULT_TARGET, type PortableTarget, portableBackends } from '../backends/backend.ts';
import { parseModel } from '../compile.ts';
import { refuse } from '../support/errors.ts';
import { Session as BaseSession, type SessionOptions } from './session.ts';

export * from './session.ts';

export interface CreateOptions extends SessionOptions {
  /** 'wasm' (default) or 'interpreter'. */
  readonly target?: PortableTarget;
}

export class Session extends BaseSession {
  /**
   * Parses and checks a model, and compiles it when its shapes are fixed.
   * @param model ONNX bytes
   * @throws TilewrightError for anything that is refused
   */
  static async create(model: Uint8Array | ArrayBuffer, options: CreateOptions = {}): Promise<Session> {
    const bytes = model instanceof Uint8Array ? model : new Uint8Array(model);
    const target = options.target ?? DEFAULT_TARGET;
    const make = portableBackends[target] ?? refuse('USAGE', `unknown target ${target}`);
    const session = new Session(parseModel(bytes, options), make(options), options);
    await session.prepare();
    return session;
  }
}
