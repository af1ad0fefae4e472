// Ahead-of-time compilation: a model with all extents bound becomes one program and a package of files that runs
// without Tilewright. In: a model, feed types and a machine. Out: an artifact.
import type { StaticValue } from './2-graph/operator.ts';
import type { FeedType, Specialisation } from './2-graph/specialise.ts';
import type { StaticGraph, StaticTensor } from './2-graph/static.ts';
import type { Artifact } from './6-runtime/artifact.ts';
import type { Backend } from './backends/backend.ts';
import { modelCompiler, segmentTiles } from './compile.ts';
import type { Model } from './ir/graph.ts';
import { DEFAULT_LIMITS, type ModelLimits } from './ir/limits.ts';
import { buildArtifact, type Machine } from './pipeline.ts';
import { refuse } from './support/errors.ts';

/** With names in the artifact's input and output order. */
type PackageProgram = Readonly<{ artifact: Artifact; inputs: readonly string[]; outputs: readonly string[] }>;

/** One artifact of a whole model. INVALID_SHAPE when an extent depends on a value that is known only at run time. */
export async function compileProgram(
  model: Model,
  types: readonly (FeedType | null)[],
  machine: Machine,
  backend: Backend,
  limits: ModelLimits = DEFAULT_LIMITS,
): Promise<PackageProgram> {
  const graph = wholeGraph(model, modelCompiler(model, backend, limits).specialise(types, []));
  const tiles = await segmentTiles(graph, backend, limits);
  const artifact = await buildArtifact(tiles, machine, limits, backend.observer);
  const fed = model.graph.inputs.filter((_, i) => types[i] !== null);
  return { artifact, inputs: fed.map((v) => v.name), outputs: model.graph.outputs.map((v) => v.name) };
}

function wholeGraph(model: Model, s: Specialisation): StaticGraph {
  if (s.pending) {
    const what = 'an extent depends on the contents of a tensor that is known only at run time';
    const hint = 'Make that tensor a constant of the model, or use Session, which specialises while it runs.';
    refuse('INVALID_SHAPE', what, { value: s.pending.name }, hint);
  }
  const nodes = s.segments.flatMap((g) => g.nodes);
  return { inputs: s.inputs.flat(), outputs: s.outputs.map((o, i) => asTensor(o, model.graph.outputs[i].name)), nodes };
}

function asTensor(source: StaticValue, value: string): StaticTensor {
  if (source.kind === 'tensor') return source;
  const hint = 'Use Session for this model.';
  return refuse('UNSUPPORTED_TYPE', `an output is a ${source.kind}: packages give tensors`, { value }, hint);
}
