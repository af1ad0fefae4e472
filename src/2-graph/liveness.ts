// Which tensors a static node reads, dead code elimination over static node lists, and which
// values of the model the rest of a node list still reads.
import { type Node, nodesWithin, regionsOf, type Value } from '../ir/graph.ts';
import type { Slots, StaticGraph, StaticLoop, StaticNode, StaticSide, StaticTensor, Tensors } from './static.ts';

/** Tensors a node reads from outside itself (a loop's or branch's body included). */
export function inputsOf(node: StaticNode): Tensors {
  if (node.kind === 'op') return present(node.inputs);
  if (node.kind === 'branch') {
    const sides = [node.then, node.else].flatMap((s) => freeTensors(s.nodes, s.results, []));
    return [node.cond, ...sides];
  }
  const { trip } = node;
  const states = [...node.carried.map((c) => c.state), node.iteration];
  const outer = carriedBy(node).map((c) => c.init);
  if (trip !== null && typeof trip !== 'number') outer.push(trip);
  return [...outer, ...freeTensors(node.body, resultsOfBody(node), states)];
}

/** What a loop hands from iteration to iteration, its condition included. */
const carriedBy = ({ carried, cond }: StaticLoop) => (cond ? [...carried, cond] : carried);

const resultsOfBody = (loop: StaticLoop): Tensors =>
  carriedBy(loop)
    .map((c) => c.next)
    .concat(loop.stacked.map((s) => s.each));

const present = (ts: Slots): StaticTensor[] => ts.filter((t) => t !== null);

/** Tensors a node defines. */
export function outputsOf(node: StaticNode): Tensors {
  if (node.kind === 'loop') return [...node.carried.map((c) => c.result), ...node.stacked.map((s) => s.result)];
  return present(node.outputs);
}

function freeTensors(nodes: readonly StaticNode[], results: Tensors, bound: Tensors): StaticTensor[] {
  const defined = new Set<StaticTensor>(bound);
  const free = new Set<StaticTensor>();
  for (const n of nodes) {
    for (const t of inputsOf(n)) if (!defined.has(t)) free.add(t);
    for (const t of outputsOf(n)) defined.add(t);
  }
  for (const t of results) if (!defined.has(t)) free.add(t);
  return [...free];
}

/** The nodes that `outputs` need, in order, and the non-constant tensors they read from outside. */
export function pruneNodes(nodes: readonly StaticNode[], outputs: Tensors): Omit<StaticGraph, 'outputs'> {
  const needed = new Set<StaticTensor>(outputs);
  const kept: StaticNode[] = [];
  for (const n of nodes.toReversed()) {
    const defs = outputsOf(n);
    if (!defs.some((t) => needed.has(t))) continue;
    kept.push(pruneInside(n, needed));
    for (const t of defs) needed.delete(t);
    for (const t of inputsOf(kept[kept.length - 1])) needed.add(t);
  }
  return { nodes: kept.reverse(), inputs: [...needed].filter((t) => t.constant === null) };
}

function pruneInside(n: StaticNode, needed: ReadonlySet<StaticTensor>): StaticNode {
  switch (n.kind) {
    case 'op':
      return n.outputs.every((t) => t === null || needed.has(t))
        ? n
        : { ...n, outputs: n.outputs.map((t, i) => (i === 0 || (t && needed.has(t)) ? t : null)) };
    case 'branch': {
      const side = (s: StaticSide): StaticSide => ({ ...s, nodes: pruneNodes(s.nodes, s.results).nodes });
      return { ...n, then: side(n.then), else: side(n.else) };
    }
    case 'loop': {
      const pruned = { ...n, stacked: n.stacked.filter((s) => needed.has(s.result)) };
      return { ...pruned, body: pruneNodes(n.body, resultsOfBody(pruned)).nodes };
    }
  }
}

const readsOfNode = new WeakMap<Node, readonly Value[]>();

/** Values a node reads, including those its regions capture (a superset is harmless). */
function readsOf(node: Node): readonly Value[] {
  let reads = readsOfNode.get(node);
  if (reads) return reads;
  const found = new Set<Value>();
  for (const n of nodesWithin([node])) {
    for (const v of n.inputs) if (v) found.add(v);
    for (const region of regionsOf(n)) for (const v of region.outputs) found.add(v);
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
