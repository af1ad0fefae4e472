// Symbolic type inference over a model as written: what can be said of every value before any extent is bound. In: a
// model and the registry. Out: a type per value. Kernels never depend on it; people do.
import { type Model, type Node, type TensorType, tensorType, type Value, type ValueType } from '../ir/graph.ts';
import { TilewrightError } from '../support/errors.ts';
import { InferContext, NeedsValue } from './operator.ts';
import type { Registry } from './registry.ts';

/** Types by value; values that nothing is known of are missing. Refusals of operators are not raised here. */
export function inferTypes({ graph }: Model, registry: Registry): Map<Value, ValueType> {
  const types = new Map<Value, ValueType>();
  const infer = (node: Node): readonly TensorType[] => {
    const operator = registry.find(node.domain, node.op, node.version);
    const inputs = node.inputs.map((v) => v && (types.get(v) ?? v.type));
    if (!operator?.infer || inputs.some((t) => t !== null && t?.kind !== 'tensor')) return [];
    const known = (i: number) => graph.constants.get(node.inputs[i]!) ?? null;
    const source = { types: inputs as (TensorType | null)[], known };
    try {
      return operator.infer(new InferContext({ ...node, numOutputs: node.outputs.length }, source));
    } catch (error) {
      if (error instanceof NeedsValue || error instanceof TilewrightError) return [];
      throw error;
    }
  };
  for (const v of graph.inputs) if (v.type) types.set(v, v.type);
  for (const [v, t] of graph.constants) types.set(v, tensorType(t.dtype, t.shape));
  for (const node of graph.nodes) {
    const inferred = infer(node);
    node.outputs.forEach((v, i) => {
      const type = inferred[i] ? refine(inferred[i], v?.type) : v?.type;
      if (v && type) types.set(v, type);
    });
  }
  return types;
}

/** The inferred type with extents that only the declaration knows. */
function refine(inferred: TensorType, declared: ValueType | undefined): TensorType {
  const known = declared?.kind === 'tensor' ? declared.shape : undefined;
  if (!known || known.length !== inferred.shape?.length) return inferred;
  const shape = inferred.shape.map((d, i) => (typeof d === 'number' || d.text !== '?' ? d : known[i]));
  return { ...inferred, shape };
}
