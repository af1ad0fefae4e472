// Values that the rest of a node list reads, nested regions included; remembered per list.
import type { Graph, Node, Value } from '../ir/graph.ts';

const readsOfNode = new WeakMap<Node, readonly Value[]>();

/** Values a node reads, including those its regions capture (a superset is harmless). */
export function readsOf(node: Node): readonly Value[] {
  let reads = readsOfNode.get(node);
  if (reads) return reads;
  const found = new Set<Value>(node.inputs.filter((v) => v !== null));
  const stack: Graph[] = [];
  const pushRegions = (n: Node): void => {
    for (const a of n.attrs.values()) {
      if (a.kind === 'graph') stack.push(a.value);
      if (a.kind === 'graphs') stack.push(...a.value);
    }
  };
  pushRegions(node);
  for (let g = stack.pop(); g; g = stack.pop()) {
    for (const v of g.outputs) found.add(v);
    for (const n of g.nodes) {
      for (const v of n.inputs) if (v) found.add(v);
      pushRegions(n);
    }
  }
  reads = [...found];
  readsOfNode.set(node, reads);
  return reads;
}

/** Values read by nodes from `next` on, and by the results. */
export function usesAfter(nodes: readonly Node[], next: number, results: readonly Value[]): Set<Value> {
  const uses = new Set<Value>(results);
  for (let i = next; i < nodes.length; i++) for (const v of readsOf(nodes[i])) uses.add(v);
  return uses;
}
