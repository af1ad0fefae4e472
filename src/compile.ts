// The compiler as functions, with the stages in order on one page: the bytes of a model to the model; that and a backend
// to something that specialises and builds segments, or to one artifact ahead of time; a tile program and a machine (a
// device, a target and its features) to an artifact. Every stage goes through the observer; all else is a shell over this.
import { importModel } from './1-frontend/onnx/model.ts';
import type { ReadOptions } from './1-frontend/onnx/tensor.ts';
import { splitConstantPart } from './2-graph/constant-part.ts';
import { type FeedTypes, type Specialisation, specialise } from './2-graph/specialise.ts';
import type { StaticGraph } from './2-graph/static.ts';
import { resetExprs } from './3-tile/expr.ts';
import { foldNode, toTiles } from './3-tile/from-graph.ts';
import type { TileProgram } from './3-tile/tile-op.ts';
import { type ScheduleOptions, schedule } from './4-schedule/schedule.ts';
import type { Target } from './5-codegen/targets/target.ts';
import { makeArtifact } from './6-runtime/artifact.ts';
import type { Executable } from './6-runtime/executable.ts';
import { feedType, figuresOf, Plan, type RunValue, type SegmentCompiler } from './6-runtime/plan.ts';
import type { Backend } from './backends/backend.ts';
import type { Measure } from './backends/measure.ts';
import type { Device } from './devices/device.ts';
import type { Model } from './ir/graph.ts';
import { checkLimit, DEFAULT_LIMITS, type ModelLimits } from './ir/limits.ts';
import type { TensorData } from './ir/tensor.ts';
import { lowering } from './lowering.ts';
import { type Observer, silent } from './observe.ts';
import { operatorRegistry } from './ops/registry.ts';
import { upgrade } from './ops/upgrade/index.ts';
import { checkMeaning, runStage, SIBLINGS } from './stages.ts';
import { refuse } from './support/errors.ts';

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

/** One run on feeds (null: the input's default), and figures of the programs that it took. */
export async function runModel(model: Model, backend: Backend, feeds: readonly (RunValue | null)[]) {
  const plan = planFor(model, backend, feeds);
  try {
    return { results: await plan.run(feeds), figures: figuresOf(plan.executables) };
  } finally {
    plan.dispose();
  }
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
async function segmentTiles(segment: StaticGraph, backend: Backend, limits: ModelLimits): Promise<TileProgram> {
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

/**
 * One artifact of a whole model with all extents bound, and the names of its inputs and outputs in order. INVALID_SHAPE
 * when an extent depends on a value that is known only at run time.
 */
export async function compileProgram(model: Model, types: FeedTypes, machine: Machine, backend: Backend) {
  const graph = wholeGraph(model, modelCompiler(model, backend, DEFAULT_LIMITS).specialise(types, []));
  const tiles = await segmentTiles(graph, backend, DEFAULT_LIMITS);
  const artifact = await buildArtifact(tiles, machine, DEFAULT_LIMITS, backend.observer);
  const fed = model.graph.inputs.filter((_, i) => types[i] !== null);
  return { artifact, inputs: fed.map((v) => v.name), outputs: model.graph.outputs.map((v) => v.name) };
}

function wholeGraph(model: Model, s: Specialisation): StaticGraph {
  if (s.pending) {
    const what = 'an extent depends on the contents of a tensor that is known only at run time';
    const hint = 'Make that tensor a constant of the model, or use Session, which specialises while it runs.';
    refuse('INVALID_SHAPE', what, { value: s.pending.name }, hint);
  }
  const outputs = s.outputs.map((output, i) => {
    if (output.kind === 'tensor') return output;
    const what = `an output is a ${output.kind}: packages give tensors`;
    return refuse('UNSUPPORTED_TYPE', what, { value: model.graph.outputs[i].name }, 'Use Session for this model.');
  });
  return { inputs: s.inputs.flat(), outputs, nodes: s.segments.flatMap((g) => g.nodes) };
}

/** What is compiled for, and how `ScheduleOptions` says; `measure` decides by running. */
export type Machine = Readonly<{ device: Device; target: Target; features: ReadonlySet<string>; measure?: Measure }> &
  Pick<ScheduleOptions, 'fuse' | 'winograd' | 'filter' | 'choose' | 'join' | 'pack' | 'estimate' | 'keySteps'>;

/** Schedules, lowers and emits a tile program. Throws LIMIT_EXCEEDED when its arena is over the limit. */
export async function buildArtifact(program: TileProgram, machine: Machine, limits: ModelLimits, observer: Observer) {
  const { target, features, measure, ...rest } = machine;
  const measured = await measure?.(program, machine);
  const options = { ...rest, ...measured?.taking, lower: lowering };
  const tasks = runStage(observer, 'schedule', SIBLINGS.schedule, () => schedule(program, options));
  if (observer.check >= 3) checkMeaning(program, tasks);
  checkLimit(limits, 'plannedBytes', tasks.plan.arenaBytes);
  const code = await target.emit(tasks, { features });
  runStage(observer, 'code', SIBLINGS.code, () => code);
  return makeArtifact(tasks, code);
}
