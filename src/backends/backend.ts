// A backend turns a tile program into something that runs here: the interpreter, or a target with its launcher.
import { interpret } from '../3-tile/interpret.ts';
import type { TileProgram } from '../3-tile/tile-op.ts';
import type { Artifact } from '../6-runtime/artifact.ts';
import type { Executable } from '../6-runtime/executable.ts';
import type { ModelLimits } from '../ir/limits.ts';
import type { Observer } from '../observe.ts';
import { buildArtifact, type Machine } from '../pipeline.ts';

/** Loads an artifact of one target on this machine. */
export type Launch = (artifact: Artifact) => Promise<Executable>;

export interface Backend {
  readonly name: string;
  readonly observer: Observer;
  /** What it compiles for; null: it does not compile. */
  readonly machine: Machine | null;
  /** What loads its artifacts, where it compiles. */
  readonly launch?: Launch;
  build(program: TileProgram, limits: ModelLimits, observer: Observer): Promise<Executable>;
}

/** Plain-loop meaning: slow, exact, needs nothing. */
export const interpreterBackend = (observer: Observer): Backend => ({
  name: 'interpreter',
  observer,
  machine: null,
  build: async (program) => ({
    run: (feeds) => interpret(program, feeds),
    arenaBytes: 0,
    codeBytes: 0,
    kernels: program.steps.length,
    dispose: () => {},
  }),
});

/** A target and the launcher that loads its artifacts here. */
export const targetBackend = (machine: Machine, observer: Observer, launch: Launch): Backend => ({
  name: machine.target.name,
  observer,
  machine,
  launch,
  build: async (program, limits, watching) => launch(await buildArtifact(program, machine, limits, watching)),
});
