// The backends that run in any host, browsers included.
import { RELAXED_SIMD, wasmTarget } from '../5-codegen/targets/wasm/index.ts';
import { hostFeatures, instantiate } from '../6-runtime/launch/wasm.ts';
import { webAssemblyDevice } from '../devices/device.ts';
import { type Observer, silent } from '../observe.ts';
import { type Backend, interpreterBackend, targetBackend } from './backend.ts';

export interface BackendOptions {
  /** Sees every stage; for tools. */
  readonly observer?: Observer;
  /** Whether WebAssembly may use relaxed SIMD. Default: where this host has it; packages go to other hosts. */
  readonly relaxedSimd?: boolean;
  /** Whether 3×3 convolutions may take fewer multiplications, which rounds differently. Default true. */
  readonly winograd?: boolean;
}
export type PortableTarget = 'wasm' | 'interpreter';
/** What is compiled for when nobody says. */
export const DEFAULT_TARGET: PortableTarget = 'wasm';

export const portableBackends: Readonly<Record<PortableTarget, (o: BackendOptions) => Backend>> = {
  wasm: (o) => {
    const relaxed = o.relaxedSimd ?? hostFeatures().has(RELAXED_SIMD);
    const features = new Set(relaxed ? [RELAXED_SIMD] : []);
    const device = webAssemblyDevice(relaxed);
    const machine = { device, target: wasmTarget, features, winograd: o.winograd ?? true };
    return targetBackend(machine, o.observer ?? silent, instantiate);
  },
  interpreter: (o) => interpreterBackend(o.observer ?? silent),
};
