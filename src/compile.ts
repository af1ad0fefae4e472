// The compiler as one function: a parsed model and a backend in, something that specialises and
// builds segments out. The stages are called in order here and in pipeline.ts; everything else is a
// shell over these two pages.
import { splitConstantPart } from './2-graph/constant-part.ts';
import { specialise } from './2-graph/specialise.ts';
import type { StaticGraph } from './2-graph/static.ts';
import { foldNode, toTiles } from './3-tile/from-graph.ts';
import type { Backend } from './backends/backend.ts';
import type { Executable } from './6-runtime/executable.ts';
import type { SegmentCompiler } from './6-runtime/plan.ts';
import type { Model } from './ir/graph.ts';
import type { ModelLimits } from './ir/limits.ts';
import { operatorRegistry } from './ops/registry.ts';
import { runStage } from './pipeline.ts';
import { textOf } from './texts.ts';

/** A compiler for one model on one backend. */
export function modelCompiler(model: Model, backend: Backend, limits: ModelLimits): SegmentCompiler {
  const registry = operatorRegistry();
  return {
    specialise: (feeds, answers) => specialise(model, feeds, { registry, limits, fold: foldNode, answers }),
    build: (segment) => buildSegment(segment, backend, limits),
  };
}

async function buildSegment(segment: StaticGraph, backend: Backend, limits: ModelLimits): Promise<Executable> {
  const { observer } = backend;
  const split = splitConstantPart(segment);
  const rest = split ? split.rest(await runOnce(split.constant, backend, limits)) : segment;
  const graph = runStage(observer, 'graph', () => rest, textOf.graph);
  return backend.build(runStage(observer, 'tile', () => toTiles(graph), textOf.tiles), limits);
}

/** Runs a segment without inputs on the backend. */
export async function runOnce(graph: StaticGraph, backend: Backend, limits: ModelLimits): Promise<ReturnType<Executable['run']>> {
  const executable = await backend.build(toTiles(graph), limits);
  try {
    return executable.run([]);
  } finally {
    executable.dispose();
  }
}
