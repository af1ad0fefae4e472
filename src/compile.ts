// The compiler as functions: the bytes of a model in, the model out; that and a backend in, something that specialises
// and builds segments out. The stages are called in order here and in pipeline.ts; everything else is a shell over
// these two pages.
import { importModel } from './1-frontend/onnx/model.ts';
import type { ReadOptions } from './1-frontend/onnx/tensor.ts';
import { splitConstantPart } from './2-graph/constant-part.ts';
import { specialise } from './2-graph/specialise.ts';
import type { StaticGraph } from './2-graph/static.ts';
import { resetExprs } from './3-tile/expr.ts';
import { foldNode, toTiles } from './3-tile/from-graph.ts';
import type { TileProgram } from './3-tile/tile-op.ts';
import type { Executable } from './6-runtime/executable.ts';
import { feedType, Plan, type RunValue, type SegmentCompiler } from './6-runtime/plan.ts';
import type { Backend } from './backends/backend.ts';
import type { Model } from './ir/graph.ts';
import { DEFAULT_LIMITS, type ModelLimits } from './ir/limits.ts';
import type { TensorData } from './ir/tensor.ts';
import { silent } from './observe.ts';
import { operatorRegistry } from './ops/registry.ts';
import { upgrade } from './ops/upgrade/index.ts';
import { runStage, SIBLINGS } from './stages.ts';

/** Reads a model, with every operator in its newest form. Throws as `importModel`. */
export const parseModel = (bytes: Uint8Array, options: ReadOptions = {}): Model => importModel(bytes, upgrade, options);

/** A compiler for one model on one backend. */
export function modelCompiler(model: Model, backend: Backend, limits: ModelLimits): SegmentCompiler {
  const registry = operatorRegistry();
  return {
    specialise: (feeds, answers) => specialise(model, feeds, { registry, limits, fold: foldNode, answers }),
    build: (segment) => buildSegment(segment, backend, limits),
  };
}

/** A plan for feeds of these types (null: the input's default). Its owner disposes of it. */
export function planFor(model: Model, backend: Backend, feeds: readonly (RunValue | null)[]): Plan {
  const types = feeds.map((f) => f && feedType(f));
  return new Plan(modelCompiler(model, backend, DEFAULT_LIMITS), types);
}

/** Compilations in progress: they share the table of interned expressions. */
let compiling = 0;

async function buildSegment(segment: StaticGraph, backend: Backend, limits: ModelLimits): Promise<Executable> {
  compiling++;
  try {
    return await backend.build(await segmentTiles(segment, backend, limits), limits, backend.observer);
  } finally {
    if (--compiling === 0) resetExprs();
  }
}

/** A segment as tiles; what depends on constants only is computed on the backend first. */
export async function segmentTiles(segment: StaticGraph, backend: Backend, limits: ModelLimits): Promise<TileProgram> {
  const split = splitConstantPart(segment);
  const rest = split ? split.rest(await runOnce(split.constant, backend, limits)) : segment;
  const graph = runStage(backend.observer, 'graph', SIBLINGS.graph, () => rest);
  return runStage(backend.observer, 'tile', SIBLINGS.tile, () => toTiles(graph));
}

async function runOnce(graph: StaticGraph, backend: Backend, limits: ModelLimits): Promise<TensorData[]> {
  const executable = await backend.build(toTiles(graph), limits, silent);
  try {
    return executable.run([]);
  } finally {
    executable.dispose();
  }
}
