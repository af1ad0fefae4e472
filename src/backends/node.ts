// The backends that Node offers, by the name users give to `--target`.
import v8 from 'node:v8';
import { cTarget } from '../5-codegen/targets/c/index.ts';
import { loadNative } from '../6-runtime/launch/native.ts';
import { hostFeatures } from '../6-runtime/launch/wasm.ts';
import { cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { cpuDevice } from '../devices/device.ts';
import { silent } from '../observe.ts';
import { TilewrightError } from '../support/errors.ts';
import { type Backend, targetBackend } from './backend.ts';
import { type BackendOptions, type PortableTarget, portableBackends } from './portable.ts';

export type NodeTarget = PortableTarget | 'c';

async function nativeBackend(o: BackendOptions): Promise<Backend> {
  const features = cpuFeatures();
  findToolchain();
  const machine = { device: cpuDevice(features), target: cTarget, features, winograd: o.winograd ?? true };
  return targetBackend(machine, o.observer ?? silent, (artifact) => loadNative(artifact));
}

const NODE_ONLY: Readonly<Record<string, (o: BackendOptions) => Promise<Backend>>> = { c: nativeBackend };

export const NODE_TARGETS: readonly string[] = [...Object.keys(portableBackends), ...Object.keys(NODE_ONLY)];

/** Node 20 has relaxed SIMD behind a flag that works while it runs; later versions have it, or know no such flag. */
function enableRelaxedSimd(): void {
  if (hostFeatures().size > 0 || !process.versions.node.startsWith('20.')) return;
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** The backend of this name. Throws USAGE for an unknown one, TARGET_UNAVAILABLE where it cannot run. */
export async function nodeBackend(target: string, options: BackendOptions = {}): Promise<Backend> {
  enableRelaxedSimd();
  if (Object.hasOwn(portableBackends, target)) return portableBackends[target as PortableTarget](options);
  if (Object.hasOwn(NODE_ONLY, target)) return NODE_ONLY[target](options);
  throw new TilewrightError('USAGE', `unknown target ${target}`, {}, `Targets are: ${NODE_TARGETS.join(', ')}.`);
}
