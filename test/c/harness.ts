// Shared by the tests of the C target: a program from kernels over named tensors, compiled once and
// run with given contents.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel, MemoryPlan, Placement, Task, TaskProgram } from '../../src/3-tile/task.ts';
import { owner, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { makeArtifact } from '../../src/6-runtime/artifact.ts';
import type { Executable } from '../../src/6-runtime/executable.ts';
import { loadNative, type NativeOptions } from '../../src/6-runtime/launch/native.ts';
import { cpuFeatures, findToolchain } from '../../src/6-runtime/toolchain.ts';
import { dtypeInfo } from '../../src/ir/dtype.ts';
import { elementCount, type TensorData } from '../../src/ir/tensor.ts';

/** Why native tests cannot run here, or null. */
export function noCompiler(): string | null {
  try {
    findToolchain();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

let nextKernel = 0;
export const kernel = (params: readonly TileTensor[], body: readonly Stmt[]): Kernel => ({
  id: nextKernel++,
  name: 'test',
  params,
  body,
});

export const call = (k: Kernel, args: readonly TileTensor[] = k.params): Task => ({
  kind: 'run',
  kernel: k,
  args,
});

/** Places every tensor at a place of its own. */
export function planFor(tensors: readonly TileTensor[]): MemoryPlan {
  const places = new Map<TileTensor, Placement>();
  const ends = { constants: 0, arena: 0 };
  for (const t of new Set(tensors.map(owner))) {
    const bytes = elementCount(t.shape) * dtypeInfo(t.dtype).bytes;
    const space = t.data ? 'constants' : 'arena';
    places.set(t, { space, offset: ends[space], bytes });
    ends[space] += Math.ceil(bytes / 64) * 64;
  }
  return { constantBytes: ends.constants, arenaBytes: ends.arena, places };
}

function tensorsOf(tasks: readonly Task[]): TileTensor[] {
  return tasks.flatMap((t) => {
    if (t.kind === 'run') return [...t.args];
    if (t.kind === 'branch') return [t.cond, ...tensorsOf(t.then), ...tensorsOf(t.else)];
    const own = [t.trip, t.cond, t.counter].filter((x): x is TileTensor => x !== null);
    return [...own, ...tensorsOf(t.tasks)];
  });
}

function kernelsOf(tasks: readonly Task[]): Kernel[] {
  return tasks.flatMap((t) => {
    if (t.kind === 'run') return [t.kernel];
    return t.kind === 'branch' ? [...kernelsOf(t.then), ...kernelsOf(t.else)] : kernelsOf(t.tasks);
  });
}

/** A program that reads `inputs` and gives `outputs`. */
export function programOf(
  tasks: readonly Task[],
  inputs: readonly TileTensor[],
  outputs: readonly TileTensor[],
  checks: TaskProgram['checks'] = [],
): TaskProgram {
  const tensors = [...new Set([...inputs, ...outputs, ...tensorsOf(tasks), ...checks.map((c) => c.ok)])];
  return {
    kernels: [...new Set(kernelsOf(tasks))],
    lanes: [tasks],
    plan: planFor(tensors),
    inputs,
    outputs,
    constants: tensors.filter((t) => t.data),
    checks,
  };
}

export async function build(program: TaskProgram, options: NativeOptions = {}): Promise<Executable> {
  const features = options.features ?? cpuFeatures();
  const code = await cTarget.emit(program, { features });
  return loadNative(makeArtifact(program, code), { cache: null, ...options });
}

export async function runOnce(
  program: TaskProgram,
  feeds: readonly TensorData[],
  options: NativeOptions = {},
): Promise<TensorData[]> {
  const executable = await build(program, options);
  try {
    return executable.run(feeds);
  } finally {
    executable.dispose();
  }
}

/** A directory of the test's own, and its removal. */
export function privateDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'tilewright-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
