// A compiled program as plain data: code, memory plan, where inputs, outputs and checks lie, and the
// constants. In: a scheduled program and the code that a target made of it. Out: what launchers load
// and what packages write to disk. Launchers of all targets give the same `Executable`.
import type { TaskProgram } from '../3-tile/task.ts';
import { owner, type TileTensor } from '../3-tile/tensor.ts';
import type { TargetCode } from '../5-codegen/targets/target.ts';
import type { DType } from '../ir/dtype.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { invariant, TilewrightError } from '../support/errors.ts';

export type Space = 'constants' | 'arena';

/** Where a tensor lies: bytes from the start of its space. */
export interface Slot {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly space: Space;
  readonly offset: number;
  readonly bytes: number;
}

/** A scalar bool that must be true after a run. */
export interface CheckSlot {
  readonly slot: Slot;
  readonly message: string;
  readonly node: string;
  readonly op: string;
}

export interface ConstantBytes {
  /** From the start of the constant space. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface Artifact {
  readonly code: TargetCode;
  readonly constantBytes: number;
  readonly arenaBytes: number;
  /** Distinct kernels in the code. */
  readonly kernels: number;
  /** In the order of the program's inputs and outputs. */
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly checks: readonly CheckSlot[];
  readonly constants: readonly ConstantBytes[];
}

/** A loaded program with its own memory. Not reentrant; `dispose` twice is allowed. */
export interface Executable {
  readonly arenaBytes: number;
  readonly codeBytes: number;
  /**
   * Feeds in input order (dtype and shape as in the artifact, else INVALID_INPUT); results are fresh
   * copies in output order. Throws RUNTIME_CHECK when a check fails.
   */
  run(feeds: readonly TensorData[]): TensorData[];
  dispose(): void;
}

/** Alignment of both spaces, in bytes. */
export const SPACE_ALIGNMENT = 64;

function slotOf(program: TaskProgram, t: TileTensor): Slot {
  const place = program.plan.places.get(owner(t));
  invariant(place, `tensor ${t.name} has no place`);
  const bytes = elementCount(t.shape) * dtypeInfo(t.dtype).bytes;
  const { space, offset } = place;
  return { name: t.name, dtype: t.dtype, shape: t.shape, space, offset, bytes };
}

/** Joins code with the places of the program that it was made from. */
export function makeArtifact(program: TaskProgram, code: TargetCode): Artifact {
  const { plan } = program;
  const constants = program.constants.map((t) => {
    invariant(t.data, `constant ${t.name} has no data`);
    return { offset: slotOf(program, t).offset, bytes: t.data.bytes };
  });
  const checks = program.checks.map(({ ok, message, node, op }) => {
    return { slot: slotOf(program, ok), message, node, op };
  });
  return {
    code,
    constantBytes: plan.constantBytes,
    arenaBytes: plan.arenaBytes,
    checks,
    constants,
    kernels: program.kernels.length,
    inputs: program.inputs.map((t) => slotOf(program, t)),
    outputs: program.outputs.map((t) => slotOf(program, t)),
  };
}

/** Copies all constants into `space`, which holds at least `constantBytes` bytes. */
export function writeConstants(artifact: Artifact, space: Uint8Array): void {
  for (const { offset, bytes } of artifact.constants) space.set(bytes, offset);
}

/** Refuses feeds that do not fit the program's inputs: INVALID_INPUT. */
export function checkFeeds(artifact: Artifact, feeds: readonly TensorData[]): void {
  const { inputs } = artifact;
  if (feeds.length !== inputs.length) {
    throw new TilewrightError('INVALID_INPUT', `${feeds.length} inputs for ${inputs.length}`);
  }
  inputs.forEach((slot, i) => {
    const { dtype, shape, bytes } = feeds[i];
    const fits =
      dtype === slot.dtype &&
      shape.length === slot.shape.length &&
      shape.every((d, k) => d === slot.shape[k]) &&
      bytes.byteLength === slot.bytes;
    if (fits) return;
    const wanted = `${slot.dtype}[${slot.shape.join(',')}]`;
    throw new TilewrightError(
      'INVALID_INPUT',
      `input has type ${dtype}[${shape.join(',')}], the program takes ${wanted}`,
      { value: slot.name },
    );
  });
}

/** Throws RUNTIME_CHECK for the first check that `read` finds false. */
export function verifyChecks(artifact: Artifact, read: (slot: Slot) => Uint8Array): void {
  for (const { slot, message, node, op } of artifact.checks) {
    if (read(slot)[0] === 0) throw new TilewrightError('RUNTIME_CHECK', message, { node, op });
  }
}

/** Results as fresh tensors; `read` gives a view of a slot's bytes. */
export function readOutputs(artifact: Artifact, read: (slot: Slot) => Uint8Array): TensorData[] {
  return artifact.outputs.map((slot) => {
    return { dtype: slot.dtype, shape: slot.shape, bytes: read(slot).slice() };
  });
}
