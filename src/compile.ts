// The compiler as one function: a parsed model and options in, something that compiles and runs
// segments out. The stages are called in order here; everything else is a shell over this page.
import { specialise } from './2-graph/specialise.ts';
import type { StaticGraph } from './2-graph/static.ts';
import { foldNode, toTiles } from './3-tile/from-graph.ts';
import type { Executable } from './6-runtime/executable.ts';
import type { SegmentCompiler } from './6-runtime/plan.ts';
import type { Model } from './ir/graph.ts';
import type { ModelLimits } from './ir/limits.ts';
import { operatorRegistry } from './ops/registry.ts';
import type { Backend } from './backends/backend.ts';

/** A compiler for one model on one backend. */
export function modelCompiler(model: Model, backend: Backend, limits: ModelLimits): SegmentCompiler {
  const registry = operatorRegistry();
  return {
    specialise: (feeds, answers) => specialise(model, feeds, { registry, limits, fold: foldNode, answers }),
    build: (segment: StaticGraph): Promise<Executable> => backend.build(toTiles(segment)),
  };
}
