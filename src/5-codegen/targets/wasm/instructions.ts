// The instructions that generated code uses: encoding, type of the result, immediates. Names are those of the
// WebAssembly specification; a typo does not compile. What the table lacks is not needed by instruction selection.
import { invariant } from '../../../support/errors.ts';
import type { ValType } from './encoder.ts';
import table from './instructions.json' with { type: 'json' };

/** `bytes`: sixteen. `memory`: alignment and offset; `memoryLane`: a lane besides. */
export type ImmediateKind = 'none' | 'i32' | 'i64' | 'f32' | 'f64' | 'bytes' | 'lane' | 'memory' | 'memoryLane';

export interface Instruction {
  /** 0: a one-byte instruction. */
  readonly prefix: number;
  readonly code: number;
  /** Null: leaves nothing. */
  readonly result: ValType | null;
  readonly immediate: ImmediateKind;
  /** log2 of the alignment in bytes that tensors of the accessed element guarantee. */
  readonly align: number;
}

export type InstructionName = keyof typeof table;

export const INSTRUCTIONS = table as Readonly<Record<InstructionName, Instruction>>;

/** The name when it is one of the table, else undefined. */
export function known(name: string): InstructionName | undefined {
  return Object.hasOwn(INSTRUCTIONS, name) ? (name as InstructionName) : undefined;
}

/** An instruction that must be in the table. */
export function named(name: string): InstructionName {
  const found = known(name);
  invariant(found, `no instruction ${name}`);
  return found;
}
