// Node order of one graph. ONNX asks for topological order, but some published models are not in it;
// they are sorted here, and cycles are refused.
import { TilewrightError } from '../../support/errors.ts';
import type { Graph as GraphProto, Node as NodeProto } from './gen/onnx_pb.ts';

/** Names that a node reads, also from within its regions. */
function namesRead(node: NodeProto): Set<string> {
  const names = new Set(node.input);
  const pending: GraphProto[] = [];
  const enter = (owner: NodeProto): void => {
    for (const { g, graphs } of owner.attribute) {
      if (g) pending.push(g);
      pending.push(...graphs);
    }
  };
  enter(node);
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    for (const { name } of graph.output) names.add(name);
    for (const inner of graph.node) {
      for (const name of inner.input) names.add(name);
      enter(inner);
    }
  }
  return names;
}

function isOrdered(nodes: readonly NodeProto[], producer: ReadonlyMap<string, number>): boolean {
  return nodes.every((node, i) => node.input.every((name) => (producer.get(name) ?? -1) < i));
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
    stack.push({ index, reads: [...namesRead(nodes[index])].reverse() });
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
