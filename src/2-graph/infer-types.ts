// Symbolic type inference over a model as written: what can be said of every value before any extent
// is bound. In: a model and the registry. Out: a type per value. Kernels never depend on it; people do.
import type { Model, Node, TensorType, Value, ValueType } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';
import { InferContext, NeedsValue } from './operator.ts';
import type { Registry } from './registry.ts';

/** Types by value; values that nothing is known of are missing. Refusals of operators are not raised here. */
export function inferTypes(model: Model, registry: Registry): Map<Value, ValueType> {
  const types = new Map<Value, ValueType>();
  const { constants } = model.graph;
  for (const v of model.graph.inputs) if (v.type) types.set(v, v.type);
  for (const [v, t] of constants) types.set(v, { kind: 'tensor', dtype: t.dtype, shape: t.shape });
  for (const node of model.graph.nodes) {
    inferNode(node, types, constants, registry).forEach((t, i) => {
      const v = node.outputs[i];
      if (v) types.set(v, refine(t, v.type));
    });
    for (const v of node.outputs) if (v?.type && !types.has(v)) types.set(v, v.type);
  }
  return types;
}

function inferNode(
  node: Node,
  types: ReadonlyMap<Value, ValueType>,
  constants: ReadonlyMap<Value, TensorData>,
  registry: Registry,
): readonly TensorType[] {
  const operator = registry.find(node.domain, node.op, node.version);
  const inputs = node.inputs.map((v) => (v ? (types.get(v) ?? v.type) : null));
  if (!operator?.infer || inputs.some((t) => t !== null && t?.kind !== 'tensor')) return [];
  const known = (i: number): TensorData | null => constants.get(node.inputs[i]!) ?? null;
  const context = new InferContext(
    { ...node, numOutputs: node.outputs.length },
    { types: inputs as (TensorType | null)[], known },
  );
  try {
    return operator.infer(context);
  } catch (error) {
    if (error instanceof NeedsValue || error instanceof TilewrightError) return [];
    throw error;
  }
}

/** The inferred type with extents that only the declaration knows. */
function refine(inferred: TensorType, declared: ValueType | undefined): TensorType {
  const known = declared?.kind === 'tensor' ? declared.shape : undefined;
  if (!known || known.length !== inferred.shape?.length) return inferred;
  const shape = inferred.shape.map((d, i) => (typeof d === 'number' || d.text !== '?' ? d : known[i]));
  return { ...inferred, shape };
}
