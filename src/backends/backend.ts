// A backend turns a tile program into something that runs here. The interpreter is one; every target
// with its launcher is another.
import { interpret } from '../3-tile/interpret.ts';
import type { TileProgram } from '../3-tile/tile-op.ts';
import type { Executable } from '../6-runtime/executable.ts';

export interface Backend {
  readonly name: string;
  build(program: TileProgram): Promise<Executable>;
}

/** Plain-loop meaning: slow, exact, needs nothing. */
export const interpreterBackend: Backend = {
  name: 'interpreter',
  build: async (program) => ({
    run: (feeds) => interpret(program, feeds),
    arenaBytes: 0, codeBytes: 0, kernels: program.steps.length,
    dispose: () => {},
  }),
};
