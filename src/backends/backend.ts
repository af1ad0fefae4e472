// A backend turns a tile program into something that runs here: the interpreter, or a target with its launcher. Those that
// run in any host, browsers included, are in the table below.
import { interpret } from '../3-tile/interpret.ts';
import type { TileProgram } from '../3-tile/tile-op.ts';
import { RELAXED_SIMD, wasmTarget } from '../5-codegen/targets/wasm/index.ts';
import type { Artifact } from '../6-runtime/artifact.ts';
import type { Executable } from '../6-runtime/executable.ts';
import { hostFeatures, instantiate, type Untouched } from '../6-runtime/launch/wasm.ts';
import { buildArtifact, type Machine } from '../compile.ts';
import { webAssemblyDevice } from '../devices/device.ts';
import type { ModelLimits } from '../ir/limits.ts';
import { type Observer, silent } from '../observe.ts';
import { type Kept, measuring } from './measure.ts';

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

export interface BackendOptions {
  /** Sees every stage; for tools. */
  readonly observer?: Observer;
  /** Whether WebAssembly may use relaxed SIMD. Default: where this host has it; packages go to other hosts. */
  readonly relaxedSimd?: boolean;
  /** Whether 3×3 convolutions may take fewer multiplications, which rounds differently. Default true. */
  readonly winograd?: boolean;
  /** Ways to join operators, and tiles of each, that run here before one is taken, to 64. Default 0: the model decides. */
  readonly measure?: number;
  /** What was measured before. Default: nothing; kept in memory. */
  readonly kept?: Kept;
  /** Told of WebAssembly memory before anything touches it. */
  readonly untouched?: Untouched;
}
export type PortableTarget = 'wasm' | 'interpreter';
/** What is compiled for when nobody says. */
export const DEFAULT_TARGET: PortableTarget = 'wasm';

export const portableBackends: Readonly<Record<PortableTarget, (o: BackendOptions) => Backend>> = {
  wasm: (o) => {
    const relaxed = o.relaxedSimd ?? hostFeatures().has(RELAXED_SIMD);
    const features = new Set(relaxed ? [RELAXED_SIMD] : []);
    const device = webAssemblyDevice(relaxed);
    const launch = (artifact: Artifact): Promise<Executable> => instantiate(artifact, o.untouched);
    const measure = measuring(o.measure, launch, o.kept);
    const machine = { device, target: wasmTarget, features, winograd: o.winograd ?? true, ...measure };
    return targetBackend(machine, o.observer ?? silent, launch);
  },
  interpreter: (o) => ({ ...interpreterBackend(o.observer ?? silent), ...measuring(o.measure) }),
};
