// Node order of one graph. ONNX asks for topological order, but some published models are not in it; they are sorted
// here, and cycles are refused.
import { TilewrightError } from '../../support/errors.ts';
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

function isOrdered(nodes: readonly NodeProto[], producer: ReadonlyMap<string, number>): boolean {
  return nodes.every((node, i) => node.input.every((name) => (producer.get(name) ?? -1) < i));
}

/**
 * The nodes such that every value is produced before a node reads it: unchanged when they already are so, else sorted
 * depth-first from the first node on. Throws INVALID_MODEL naming a node of a cycle.
 */
export function topologicalOrder(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producer = new Map<string, number>();
  nodes.forEach((node, i) => {
    for (const name of node.output) if (name !== '') producer.set(name, i);
  });
  if (isOrdered(nodes, producer)) return nodes;
  const sorted: NodeProto[] = [];
  const state = new Array<'new' | 'open' | 'done'>(nodes.length).fill('new');
  const stack: { index: number; reads: string[] }[] = [];
  const open = (index: number): void => {
    if (state[index] === 'done') return;
    const { name, opType } = nodes[index];
    if (state[index] === 'open') {
      throw new TilewrightError('INVALID_MODEL', 'the nodes form a cycle', { node: name, op: opType });
    }
    state[index] = 'open';
    stack.push({ index, reads: [...namesRead([nodes[index]])].reverse() });
  };
  for (let root = 0; root < nodes.length; root++) {
    open(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const name = top.reads.pop();
      const source = name === undefined ? undefined : producer.get(name);
      if (source !== undefined) {
        open(source);
      } else if (name === undefined) {
        state[top.index] = 'done';
        sorted.push(nodes[top.index]);
        stack.pop();
      }
    }
  }
  return sorted;
}
