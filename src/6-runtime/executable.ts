// A compiled segment that can run here: the one interface between sessions and the launchers.
import type { TensorData } from '../ir/tensor.ts';

export interface Executable {
  /** Runs once. Feeds are in the program's input order and have exactly its types; results are fresh. */
  run(feeds: readonly TensorData[]): TensorData[];
  /** Peak bytes of intermediate data, known before the run. */
  readonly arenaBytes: number;
  /** Bytes of generated code. */
  readonly codeBytes: number;
  /** Distinct kernels in the program. */
  readonly kernels: number;
  dispose(): void;
}
