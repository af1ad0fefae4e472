// The backends that run in any host, browsers included.
import { type Observer, silent } from '../observe.ts';
import { type Backend, interpreterBackend } from './backend.ts';

export interface BackendOptions {
  readonly observer?: Observer;
}
export type PortableTarget = 'wasm' | 'interpreter';

export const portableBackends: Readonly<Record<PortableTarget, (o: BackendOptions) => Backend>> = {
  wasm: (o) => interpreterBackend(o.observer ?? silent),
  interpreter: (o) => interpreterBackend(o.observer ?? silent),
};
