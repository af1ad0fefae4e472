// Order of a graph's nodes, and of calls between functions. ONNX asks for topological order, but some
// published models are not in it; they are sorted here, and cycles of both kinds are refused.
import { type FunctionDef, nodesWithin } from '../../ir/graph.ts';
import { refuse } from '../../support/errors.ts';
import { postOrder } from '../../support/rewrite.ts';
import type { Graph as GraphProto, Model as ModelProto, Node as NodeProto } from './gen/onnx_pb.ts';

/** Names that nodes read, also from within their regions. */
function namesRead(nodes: readonly NodeProto[]): Set<string> {
  const names = new Set<string>();
  const pending: GraphProto[] = [];
  const enter = (node: NodeProto): void => {
    for (const name of node.input) names.add(name);
    for (const { g, graphs } of node.attribute) {
      if (g) pending.push(g);
      for (const graph of graphs) pending.push(graph);
    }
  };
  for (const node of nodes) enter(node);
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    for (const { name } of graph.output) names.add(name);
    for (const node of graph.node) enter(node);
  }
  return names;
}

/** Names that any node, region, function or the model itself reads or gives out. */
export function namesReadAnywhere(model: ModelProto): Set<string> {
  const names = namesRead([...(model.graph?.node ?? []), ...model.functions.flatMap((f) => f.node)]);
  for (const { name } of model.graph?.output ?? []) names.add(name);
  for (const f of model.functions) for (const name of f.output) names.add(name);
  return names;
}

/** The keys such that what each one needs comes before it, depth-first from the first on; `cyclic` refuses. */
function sorted<K>(keys: Iterable<K>, needsOf: (key: K) => K[], cyclic: (key: K) => never): K[] {
  const needs = new Map([...keys].map((key) => [key, needsOf(key)]));
  const order = postOrder([...needs.keys()], (key) => needs.get(key)!);
  const place = new Map(order.map((key, i) => [key, i]));
  const late = order.flatMap((key, i) => needs.get(key)!.filter((need) => place.get(need)! >= i));
  return late.length === 0 ? order : cyclic(late[0]);
}

/**
 * The nodes such that every value is produced before a node reads it: unchanged when they already are
 * so, else sorted depth-first from the first node on. Throws INVALID_MODEL naming a node of a cycle.
 */
export function topologicalOrder(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.output) if (name !== '') producer.set(name, i);
  });
  if (nodes.every((node, i) => node.input.every((name) => (producer.get(name) ?? -1) < i))) return nodes;
  const needsOf = (i: number): number[] =>
    [...namesRead([nodes[i]])].map((name) => producer.get(name)).filter((source) => source !== undefined);
  const cyclic = (i: number): never =>
    refuse('INVALID_MODEL', 'the nodes form a cycle', { node: nodes[i].name, op: nodes[i].opType });
  return sorted(nodes.keys(), needsOf, cyclic).map((i) => nodes[i]);
}

/** Refuses functions that call themselves, directly or through others, with INVALID_MODEL: inlining must end. */
export function checkNoRecursion(functions: ReadonlyMap<string, FunctionDef>): void {
  const callees = (caller: string): string[] => {
    const keys = nodesWithin(functions.get(caller)!.nodes).map((node) => `${node.domain}\u0000${node.op}`);
    return [...new Set(keys)].filter((key) => functions.has(key));
  };
  sorted(functions.keys(), callees, (key) =>
    refuse('INVALID_MODEL', 'the function calls itself', { op: functions.get(key)!.name }),
  );
}
