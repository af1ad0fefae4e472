// The hook of `npm run fuzz:files -- --hook scripts/fuzz-run.ts`: what the frontend accepts must also
// compile or be refused with a typed error, and run where it is small enough to interpret.
import { type FeedType, specialise } from '../src/2-graph/specialise.ts';
import { resetExprs } from '../src/3-tile/expr.ts';
import { foldNode, toTiles } from '../src/3-tile/from-graph.ts';
import { interpret } from '../src/3-tile/interpret.ts';
import type { TileProgram } from '../src/3-tile/tile-op.ts';
import type { Model, Value } from '../src/ir/graph.ts';
import { DEFAULT_LIMITS, type ModelLimits } from '../src/ir/limits.ts';
import { elementCount, emptyTensor } from '../src/ir/tensor.ts';
import { operatorRegistry } from '../src/ops/registry.ts';

/** Bounds for hostile models: a mutated extent may ask for anything. */
const LIMITS: ModelLimits = { ...DEFAULT_LIMITS, elements: 2 ** 20, nodes: 2000, unrolledIterations: 64 };
/** Points that are interpreted at most. */
const MOST_POINTS = 20_000;

function feedType(v: Value): FeedType {
  if (v.type?.kind === 'sequence') return { kind: 'sequence', elems: [] };
  if (v.type?.kind === 'optional') return { kind: 'optional', value: null };
  const shape = v.type?.shape?.map((d) => (typeof d === 'number' ? d : 2)) ?? [2];
  return { kind: 'tensor', dtype: v.type?.dtype ?? 'f32', shape };
}

/** Loop points of a program without control flow; infinite with it, since trip counts are data. */
function points(p: TileProgram): number {
  return p.steps.reduce((n, s) => {
    if (s.kind !== 'op') return Number.POSITIVE_INFINITY;
    return n + elementCount([...s.axes, ...(s.reduce?.axes ?? [])].map((a) => a.extent));
  }, 0);
}

let calls = 0;

/** Compiles a model to tiles and runs what is small; refusals pass through as typed errors. */
export default function compileAndRun(model: Model): void {
  const types = model.graph.inputs.map((v) => (model.graph.constants.has(v) ? null : feedType(v)));
  const s = specialise(model, types, { registry: operatorRegistry(), limits: LIMITS, fold: foldNode, answers: [] });
  for (const segment of s.segments) {
    const program = toTiles(segment);
    if (
      s.segments.length === 1 &&
      points(program) <= MOST_POINTS &&
      program.inputs.every((t) => t.dtype !== 'string')
    ) {
      interpret(
        program,
        program.inputs.map((t) => emptyTensor(t.dtype, t.shape)),
      );
    }
  }
  if (++calls % 200 === 0) resetExprs();
}
