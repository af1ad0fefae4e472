// Which tensors a static node reads, dead code elimination over static node lists, and which values of the model the rest
// of a node list still reads.
import { type Node, nodesWithin, regionsOf, type Value } from '../ir/graph.ts';
import { entryOf } from '../support/collections.ts';
import type { Slots, StaticGraph, StaticNode, StaticSide, StaticTensor, Tensors } from './static.ts';

/** The node with another tensor for each that it reads, or that its body or sides read or give. */
export function mapReads(n: StaticNode, swap: (t: StaticTensor) => StaticTensor): StaticNode {
  const inside = (nodes: readonly StaticNode[]) => nodes.map((inner) => mapReads(inner, swap));
  const side = (s: StaticSide): StaticSide => ({ nodes: inside(s.nodes), results: s.results.map(swap) });
  if (n.kind === 'op') return { ...n, inputs: n.inputs.map((t) => t && swap(t)) };
  if (n.kind === 'branch') return { ...n, cond: swap(n.cond), then: side(n.then), else: side(n.else) };
  return {
    ...n,
    trip: n.trip === null || typeof n.trip === 'number' ? n.trip : swap(n.trip),
    cond: n.cond && { init: swap(n.cond.init), next: swap(n.cond.next) },
    carried: n.carried.map((c) => ({ ...c, init: swap(c.init), next: swap(c.next) })),
    stacked: n.stacked.map((s) => ({ ...s, each: swap(s.each) })),
    body: inside(n.body),
  };
}

/** Tensors a node reads from outside itself (a loop's or branch's body included). */
export function inputsOf(node: StaticNode): Tensors {
  if (node.kind === 'op') return present(node.inputs);
  const own = new Set(definedInside(node));
  const reads = new Set<StaticTensor>();
  mapReads(node, (t) => {
    if (!own.has(t)) reads.add(t);
    return t;
  });
  return [...reads];
}

const present = (ts: Slots): StaticTensor[] => ts.filter((t) => t !== null);

/** Tensors a node defines. */
export function outputsOf(node: StaticNode): Tensors {
  if (node.kind === 'loop') return [...node.carried.map((c) => c.result), ...node.stacked.map((s) => s.result)];
  return present(node.outputs);
}

function definedInside(node: StaticNode): Tensors {
  if (node.kind === 'op') return [];
  const nodes = node.kind === 'loop' ? node.body : [...node.then.nodes, ...node.else.nodes];
  const states = node.kind === 'loop' ? [...node.carried.map((c) => c.state), node.iteration] : [];
  return [...states, ...nodes.flatMap((n) => [...outputsOf(n), ...definedInside(n)])];
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
  if (n.kind === 'op') {
    if (n.outputs.every((t) => t === null || needed.has(t))) return n;
    return { ...n, outputs: n.outputs.map((t, i) => (i === 0 || (t && needed.has(t)) ? t : null)) };
  }
  if (n.kind === 'branch') {
    const side = (s: StaticSide): StaticSide => ({ ...s, nodes: pruneNodes(s.nodes, s.results).nodes });
    return { ...n, then: side(n.then), else: side(n.else) };
  }
  const stacked = n.stacked.filter((s) => needed.has(s.result));
  const states = [...n.carried, ...(n.cond ? [n.cond] : [])];
  const results = [...states.map((c) => c.next), ...stacked.map((s) => s.each)];
  return { ...n, stacked, body: pruneNodes(n.body, results).nodes };
}

const readsOfNode = new WeakMap<Node, readonly Value[]>();

/** Values a node reads, including those its regions capture (a superset is harmless). */
function readsOf(node: Node): readonly Value[] {
  return entryOf(readsOfNode, node, () => {
    const values = nodesWithin([node]).flatMap((n) => [...n.inputs, ...regionsOf(n).flatMap((r) => r.outputs)]);
    return [...new Set(values)].filter((v) => v !== null);
  });
}

/** Values read by nodes from `next` on, and by the results. */
export function usesAfter(nodes: readonly Node[], next: number, results: readonly Value[]): Set<Value> {
  const uses = new Set<Value>(results);
  for (let i = next; i < nodes.length; i++) for (const v of readsOf(nodes[i])) uses.add(v);
  return uses;
}
