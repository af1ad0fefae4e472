// A loaded program that can run here: the one interface between sessions and the launchers, and what all launchers do
// around a call. In: an artifact and the way to its memory and code. Out: an Executable.
import { dtypeInfo } from '../ir/dtype.ts';
import type { TensorData } from '../ir/tensor.ts';
import { refuse } from '../support/errors.ts';
import { type Artifact, type Slot, writeConstants } from './artifact.ts';

/** A loaded program with its own memory. Not reentrant; `dispose` twice is allowed. */
export interface Executable {
  /** Peak bytes of intermediate data, known before the run. */
  readonly arenaBytes: number;
  /** Bytes of generated code. */
  readonly codeBytes: number;
  /** Distinct kernels in the program. */
  readonly kernels: number;
  /**
   * Feeds in input order (dtype and shape as in the artifact, else INVALID_INPUT); results are fresh copies in output
   * order. Throws RUNTIME_CHECK when a check fails.
   */
  run(feeds: readonly TensorData[]): TensorData[];
  dispose(): void;
}

/** Code and memory in the hands of a launcher. */
export interface Loaded {
  readonly codeBytes: number;
  /** The bytes of a slot, as a view. */
  view(slot: Slot): Uint8Array;
  /** With memory for inputs, then outputs, to use instead of their slots; null: the slot. */
  call(given: readonly (Uint8Array | null)[]): void;
  /** Memory for a result; without it, `call` takes none. */
  readonly allocate?: (bytes: number) => Uint8Array;
  unload?(): void;
}

/** The artifact as an executable; writes its constants. */
export function makeExecutable(artifact: Artifact, loaded: Loaded, constants: Uint8Array): Executable {
  let live: Loaded | null = loaded;
  writeConstants(artifact, constants);
  const { arenaBytes, kernels, inputs, outputs, checks } = artifact;
  return {
    arenaBytes,
    kernels,
    codeBytes: loaded.codeBytes,
    run(feeds) {
      const { view, call, allocate } = live ?? refuse('USAGE', 'the program was disposed of');
      checkFeeds(inputs, feeds);
      const isOwn = (slot: Slot, i: number): boolean => allocate !== undefined && slot.own === i && slot.bytes > 0;
      const aligned = ({ dtype, bytes }: TensorData): boolean => bytes.byteOffset % dtypeInfo(dtype).bytes === 0;
      const taken = inputs.map((slot, i) => (isOwn(slot, i) && aligned(feeds[i]) ? feeds[i].bytes : null));
      const made = outputs.map((slot, i) => (isOwn(slot, inputs.length + i) ? allocate!(slot.bytes) : null));
      const given = [...taken, ...made];
      for (const [i, slot] of inputs.entries()) if (!taken[i]) view(slot).set(feeds[i].bytes);
      call(given);
      for (const { slot, message, node, op } of checks) {
        if (view(slot)[0] === 0) refuse('RUNTIME_CHECK', message, { node, op });
      }
      return outputs.map((slot, i) => {
        const bytes = made[i] ?? (given[slot.own] ?? view(slot)).slice();
        return { dtype: slot.dtype, shape: slot.shape, bytes };
      });
    },
    dispose() {
      live?.unload?.();
      live = null;
    },
  };
}

/** Refuses feeds that do not fit the program's inputs: INVALID_INPUT. */
function checkFeeds(inputs: readonly Slot[], feeds: readonly TensorData[]): void {
  if (feeds.length !== inputs.length) refuse('INVALID_INPUT', `${feeds.length} inputs for ${inputs.length}`);
  for (const [i, slot] of inputs.entries()) {
    const { dtype, shape, bytes } = feeds[i];
    const [given, wanted] = [`${dtype}[${shape.join(',')}]`, `${slot.dtype}[${slot.shape.join(',')}]`];
    if (given === wanted && bytes.byteLength === slot.bytes) continue;
    refuse('INVALID_INPUT', `input has type ${given}, the program takes ${wanted}`, { value: slot.name });
  }
}
