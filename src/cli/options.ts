// Options that several commands share.
import type { Command } from 'commander';

export interface TargetOptions {
  readonly target: string;
  readonly stopAfter?: string;
  readonly dump?: string;
  readonly threads?: string;
}

/** Collects a repeatable option. */
export const collect = (value: string, all: readonly string[]): string[] => [...all, value];

/** Target, shapes and what shows the stages. */
export function runOptions(command: Command): Command {
  return command
    .option('--target <target>', 'wasm, c or interpreter', 'wasm')
    .option('--shapes <shapes>', 'extents of inputs: name:1x3x224x224,…')
    .option('--dim <name=n>', 'value of a symbolic extent; repeatable', collect, [])
    .option('--threads <n>', 'lanes to run on', '1')
    .option('--stop-after <stage>', 'print graph, tile, schedule or code and end')
    .option('--dump <dir>', 'write every stage as text');
}
