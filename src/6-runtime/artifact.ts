// A compiled program as plain data: code, memory plan, where inputs, outputs and checks lie, and the constants. In: a
// scheduled program and the code that a target made of it. Out: what launchers load and what packages write to disk.
import { callersOwn, type Placement, placeOf, type TaskProgram } from '../3-tile/task.ts';
import { owner, type TileTensor } from '../3-tile/tensor.ts';
import type { TargetCode } from '../5-codegen/targets/target.ts';
import type { DType } from '../ir/dtype.ts';
import { bytesOf, type TensorData } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';

/** Bytes from the start of a space. `own`: the first of inputs, then outputs, that has them, if callers may, or -1. */
export type Slot = Readonly<{ name: string; dtype: DType; shape: readonly number[]; own: number }> & Placement;

export interface Artifact {
  readonly code: TargetCode;
  readonly constantBytes: number;
  readonly arenaBytes: number;
  /** Distinct kernels in the code. */
  readonly kernels: number;
  /** In the order of the program's inputs and outputs. */
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Scalar bools that must be true after a run. */
  readonly checks: readonly Readonly<{ slot: Slot; message: string; node: string; op: string }>[];
  /** Offsets count from the start of the constant space. */
  readonly constants: readonly Readonly<{ offset: number; data: TensorData }>[];
}

/** Alignment of both spaces, in bytes. */
export const SPACE_ALIGNMENT = 64;

/** Joins code with the places of the program that it was made from. */
export function makeArtifact(program: TaskProgram, code: TargetCode): Artifact {
  const { constantBytes, arenaBytes } = program.plan;
  const owned = callersOwn(program);
  const slotOf = (t: TileTensor): Slot => {
    const own = owned.get(owner(t)) ?? -1;
    return { ...placeOf(program.plan, t), name: t.name, dtype: t.dtype, shape: t.shape, own, bytes: bytesOf(t) };
  };
  return {
    code,
    constantBytes,
    arenaBytes,
    kernels: program.kernels.length,
    inputs: program.inputs.map(slotOf),
    outputs: program.outputs.map(slotOf),
    checks: program.checks.map(({ ok, message, node, op }) => ({ slot: slotOf(ok), message, node, op })),
    constants: program.constants.map((t) => {
      invariant(t.data, `constant ${t.name} has no data`);
      return { offset: slotOf(t).offset, data: t.data };
    }),
  };
}

/** Writes the constants into their space. */
export function writeConstants({ constants }: Artifact, space: Uint8Array): void {
  for (const { offset, data } of constants) {
    if (data.deferred) data.deferred(space.subarray(offset, offset + bytesOf(data)));
    else space.set(data.bytes, offset);
  }
}
