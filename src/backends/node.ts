// The backends that Node offers, by the name users give to `--target`.
import v8 from 'node:v8';
import { cTarget } from '../5-codegen/targets/c/index.ts';
import { loadNative, usableFeatures } from '../6-runtime/launch/native.ts';
import { hostFeatures } from '../6-runtime/launch/wasm.ts';
import { findToolchain, toolchainKey } from '../6-runtime/toolchain.ts';
import { cpuDevice, namedDevice } from '../devices/device.ts';
import { silent } from '../observe.ts';
import { refuse } from '../support/errors.ts';
import { inLargePages } from '../support/large-pages.ts';
import { type Backend, type BackendOptions, type PortableTarget, portableBackends, targetBackend } from './backend.ts';
import { measuring } from './measure.ts';
import { measurements, probedDevice } from './probe.ts';

export type NodeTarget = PortableTarget | 'c';

export interface NodeBackendOptions extends BackendOptions {
  /**
   * Figures that schedules are chosen by: those of the kind of machine (default), which give the same code everywhere,
   * or those measured here.
   */
  readonly device?: 'described' | 'probed';
  /**
   * WebAssembly in vectors of 256 bits: V8 is asked to pair neighbours, an experiment of releases since Node 24 that
   * concerns the whole process, and schedules take tiles that suit it. Only for `wasm`.
   */
  readonly revectorize?: boolean;
}

async function nativeBackend(o: BackendOptions): Promise<Backend> {
  const features = await usableFeatures();
  findToolchain();
  const measure = measuring(o.measure, loadNative, o.kept);
  const machine = { device: cpuDevice(features), target: cTarget, features, winograd: o.winograd ?? true, ...measure };
  return targetBackend(machine, o.observer ?? silent, (artifact) => loadNative(artifact));
}

const BACKENDS: Readonly<Record<string, (o: BackendOptions) => Backend | Promise<Backend>>> = {
  ...portableBackends,
  c: nativeBackend,
};

export const NODE_TARGETS: readonly string[] = Object.keys(BACKENDS);

/** Node 20 has relaxed SIMD behind a flag that works while it runs; later versions have it, or know no such flag. */
function enableRelaxedSimd(): void {
  if (hostFeatures().size > 0 || !process.versions.node.startsWith('20.')) return;
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
}

/** Once a block has been freed, glibc keeps freed memory up to its size: results then need no new pages from the system. */
const LARGEST_KEPT = 2 ** 25 - 2 ** 16;
let keepsFreed = false;
function keepFreedMemory(): void {
  // Nothing holds the block, and nothing has touched it, when it is freed.
  if (!keepsFreed) new ArrayBuffer(LARGEST_KEPT);
  keepsFreed = true;
}

/** The backend for a V8 that pairs vectors. Throws USAGE for another target, TARGET_UNAVAILABLE on older releases. */
function revectorized({ name, machine, launch, observer }: Backend): Backend {
  if (name !== 'wasm') refuse('USAGE', `${name} has no vectors that V8 could pair`, {}, 'Use it with the target wasm.');
  const hint = `This is Node ${process.versions.node}: leave revectorize out, or take a newer release.`;
  if (Number.parseInt(process.versions.node, 10) < REVECTORIZING) {
    refuse('TARGET_UNAVAILABLE', `revectorize needs Node ${REVECTORIZING} or newer`, {}, hint);
  }
  v8.setFlagsFromString('--experimental-wasm-revectorize');
  return targetBackend({ ...machine!, device: namedDevice('wasm-simd256')! }, observer, launch!);
}

/** The first major release of Node whose V8 pairs vectors. */
const REVECTORIZING = 24;

/** What makes machine code besides this process. */
const compilerOf = (target: string): string =>
  Object.hasOwn(portableBackends, target) ? '' : toolchainKey(findToolchain());

/** The backend with its device as measured on this machine; `anew`: also where the cache has the figures. */
export async function probedBackend(backend: Backend, anew = false): Promise<Backend> {
  const { name, machine, launch, observer } = backend;
  if (!machine || !launch) return backend;
  const device = await probedDevice(machine, launch, compilerOf(name), anew);
  return targetBackend({ ...machine, device }, observer, launch);
}

/** The backend of this name. Throws USAGE for an unknown one, TARGET_UNAVAILABLE where it cannot run. */
export async function nodeBackend(target: string, options: NodeBackendOptions = {}): Promise<Backend> {
  enableRelaxedSimd();
  keepFreedMemory();
  const hint = `Targets are: ${NODE_TARGETS.join(', ')}.`;
  if (!Object.hasOwn(BACKENDS, target)) refuse('USAGE', `unknown target ${target}`, {}, hint);
  const kept = options.measure ? { kept: measurements(compilerOf(target)) } : {};
  const found = await BACKENDS[target]({ untouched: inLargePages, ...kept, ...options });
  const backend = options.revectorize ? revectorized(found) : found;
  return options.device === 'probed' ? probedBackend(backend) : backend;
}
