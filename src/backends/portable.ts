// The backends that run in any host, browsers included.
import { wasmTarget } from '../5-codegen/targets/wasm/index.ts';
import { instantiate } from '../6-runtime/launch/wasm.ts';
import { webAssemblyDevice } from '../devices/device.ts';
import { type Observer, silent } from '../observe.ts';
import { type Backend, interpreterBackend, targetBackend } from './backend.ts';

export interface BackendOptions {
  readonly observer?: Observer;
}
export type PortableTarget = 'wasm' | 'interpreter';
/** What is compiled for when nobody says. */
export const DEFAULT_TARGET: PortableTarget = 'wasm';

export const portableBackends: Readonly<Record<PortableTarget, (o: BackendOptions) => Backend>> = {
  wasm: (o) => {
    const machine = { device: webAssemblyDevice(), target: wasmTarget, features: new Set<string>() };
    return targetBackend(machine, o.observer ?? silent, instantiate);
  },
  interpreter: (o) => interpreterBackend(o.observer ?? silent),
};
