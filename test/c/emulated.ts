// Matrix registers that this machine need not have, for tests: C over `amx-emulation.h`, for the device that is described
// with them or another one, and models run on it.
import { fileURLToPath } from 'node:url';
import { walkStmts } from '../../src/3-tile/task.ts';
import type { Contraction } from '../../src/3-tile/tile-op.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { MATRIX_FEATURES } from '../../src/5-codegen/targets/c/matrix.ts';
import { loadNative, usableFeatures } from '../../src/6-runtime/launch/native.ts';
import { Plan } from '../../src/6-runtime/plan.ts';
import { type Backend, targetBackend } from '../../src/backends/backend.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { type Device, namedDevice } from '../../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import { printKernel } from '../../src/web/text/print.ts';
import { type NodeSpec, writeModel } from '../../src/web/write.ts';

export const usable = await usableFeatures();
const features = new Set([...usable, ...MATRIX_FEATURES]);
export const EMULATION = ['-include', fileURLToPath(new URL('amx-emulation.h', import.meta.url))];

/** A device by name; the Zen 4 as one that multiplies pairs of bf16 twice as fast as f32, as its description does not say. */
export function deviceFor(name: string): Device {
  const device = namedDevice(name)!;
  if (name !== 'x86-zen4') return device;
  return { ...device, peaks: [...device.peaks, { dtype: 'bf16', form: 'dot', rate: 236, into: 'f32' }] };
}

export interface Emulated {
  readonly backend: Backend;
  /** What was compiled: contractions, and the text of all kernels. */
  readonly contractions: Contraction[];
  readonly kernels: string[];
}

/** C for this device with these compiler flags. */
export function matrices(flags: readonly string[], device = 'x86-avx512-amx', check: 2 | 3 = 2): Emulated {
  const contractions: Contraction[] = [];
  const kernels: string[] = [];
  const emit: typeof cTarget.emit = (program, options) => {
    for (const k of program.kernels) walkStmts(k.body, (s) => s.kind === 'contract' && contractions.push(s));
    kernels.push(...program.kernels.map(printKernel));
    return cTarget.emit(program, options);
  };
  const machine = { device: deviceFor(device), target: { ...cTarget, emit }, features };
  const checked = { check, see: () => {} };
  const backend = targetBackend(machine, checked, (a) => loadNative(a, { features, flags, cache: null }));
  return { backend, contractions, kernels };
}

export type Tensors = Record<string, TensorData>;

/** The first results of the last nodes, of all by default. */
export async function run(
  nodes: readonly NodeSpec[],
  feeds: Tensors,
  constants: Tensors,
  backend: Backend,
  last = nodes.length,
) {
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const outputs = nodes.slice(-last).map((n) => ({ name: n.outputs![0] }));
  const graph = { inputs, outputs, nodes, initializers: Object.entries(constants) };
  const types = inputs.map(({ dtype, shape }) => ({ kind: 'tensor' as const, dtype, shape }));
  const model = parseModel(writeModel({ graph, opsets: [['', 22]] }));
  const plan = new Plan(modelCompiler(model, backend, DEFAULT_LIMITS), types);
  try {
    return ((await plan.run(Object.values(feeds))) as TensorData[]).map(tensorValues);
  } finally {
    plan.dispose();
  }
}
