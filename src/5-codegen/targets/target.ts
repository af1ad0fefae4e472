// What every target offers to the rest of the compiler: the step from a scheduled program to code. Shared passes ask a
// device for what they must know, and never for the name of a target.
import type { TaskProgram } from '../../3-tile/task.ts';

/** Choices of one compilation. Names of features are the target's own (CPU or engine features). */
export interface EmitOptions {
  readonly features?: ReadonlySet<string>;
  /** Also makes each kernel callable from outside as `k0`, `k1`, … (tests and measurement). */
  readonly exposeKernels?: boolean;
}

/** Code of a whole program: machine-independent bytes or source text, not yet loaded anywhere. */
export interface TargetCode {
  /** The target's name: says which launcher can load it. */
  readonly target: string;
  /** A file ending without the dot. */
  readonly extension: string;
  /** The module's bytes, or source text in UTF-8. */
  readonly bytes: Uint8Array;
  /** Features that the host must have, sorted. */
  readonly features: readonly string[];
}

export interface Target {
  readonly name: string;
  emit(program: TaskProgram, options?: EmitOptions): TargetCode | Promise<TargetCode>;
}
