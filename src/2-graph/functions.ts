// Calls of model-local functions: the body's nodes with attribute references replaced by the call's
// attributes or the function's defaults. Region attributes keep their own references resolved by the
// frontend's `attrRefs`.
import type { Attr, FunctionDef, Node, Value } from '../ir/graph.ts';
import type { StaticValue } from './operator.ts';

/** The body to walk for one call. Inputs that the call omits become omitted inputs of the body's nodes. */
export function bindFunction(
  f: FunctionDef,
  given: ReadonlyMap<string, Attr>,
  bound: ReadonlyMap<Value, StaticValue>,
): readonly Node[] {
  const formal = new Set(f.inputs);
  return f.nodes.map((node) => {
    const refs = f.attrRefs.get(node);
    const attrs = new Map(node.attrs);
    for (const [name, ref] of refs ?? []) {
      const value = given.get(ref) ?? f.attrDefaults.get(ref);
      if (value) attrs.set(name, value);
      else attrs.delete(name);
    }
    const inputs = node.inputs.map((v) => (v && formal.has(v) && !bound.has(v) ? null : v));
    return { ...node, attrs, inputs };
  });
}
