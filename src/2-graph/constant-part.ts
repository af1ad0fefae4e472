// Splits a segment into what depends on constants only and the rest. The constant part runs once at
// compile time (on the target itself, so large weights are transposed or scaled at full speed) and
// its results become constants. Runs after specialisation, before lowering to tiles.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { inputsOf, outputsOf, pruneNodes } from './liveness.ts';
import type { StaticGraph, StaticNode, StaticSide, StaticTensor, Tensors } from './static.ts';

const MIB = 2 ** 20;

const bytesOf = (ts: Tensors): number => ts.reduce((n, t) => n + elementCount(t.shape) * dtypeInfo(t.dtype).bytes, 0);

/** How much larger than what it is made from: bytes may become floats. */
const MAX_GROWTH = 4;

/** Worth keeping as a constant: small, or not much larger than what it is made from. */
function worthFolding(node: StaticNode): boolean {
  const made = bytesOf(outputsOf(node));
  return made <= MIB || made <= MAX_GROWTH * bytesOf(inputsOf(node));
}

export interface Split {
  /** No inputs; its outputs are what the rest reads. */
  readonly constant: StaticGraph;
  /** The rest, given the constant part's results. */
  readonly rest: (results: readonly TensorData[]) => StaticGraph;
}

/** Null when nothing but operators over inputs remains. */
export function splitConstantPart(graph: StaticGraph): Split | null {
  const known = new Set<StaticTensor>();
  const isKnown = (t: StaticTensor): boolean => t.constant !== null || known.has(t);
  const constant: StaticNode[] = [];
  const others: StaticNode[] = [];
  for (const n of graph.nodes) {
    const pure = n.kind === 'op' && n.operator.pure !== false;
    if (pure && inputsOf(n).every(isKnown) && worthFolding(n)) {
      constant.push(n);
      for (const t of outputsOf(n)) known.add(t);
    } else others.push(n);
  }
  const outputs = [...new Set([...others.flatMap((n) => inputsOf(n)), ...graph.outputs])].filter((t) => known.has(t));
  if (outputs.length === 0) return null;
  const { nodes } = pruneNodes(constant, outputs);
  return {
    constant: { inputs: [], outputs, nodes },
    rest: (results) => {
      const replaced = new Map(outputs.map((t, i) => [t, { ...t, constant: results[i] }]));
      return substitute({ ...graph, nodes: others }, replaced);
    },
  };
}

/** The graph with some of its tensors replaced wherever they are read. */
function substitute(graph: StaticGraph, replaced: ReadonlyMap<StaticTensor, StaticTensor>): StaticGraph {
  const swap = (t: StaticTensor): StaticTensor => replaced.get(t) ?? t;
  const inNode = (n: StaticNode): StaticNode => {
    if (n.kind === 'op') return { ...n, inputs: n.inputs.map((t) => t && swap(t)) };
    if (n.kind === 'branch') {
      const side = (s: StaticSide): StaticSide => ({ nodes: s.nodes.map(inNode), results: s.results.map(swap) });
      return { ...n, cond: swap(n.cond), then: side(n.then), else: side(n.else) };
    }
    return {
      ...n,
      trip: n.trip === null || typeof n.trip === 'number' ? n.trip : swap(n.trip),
      cond: n.cond && { init: swap(n.cond.init), next: swap(n.cond.next) },
      carried: n.carried.map((c) => ({ ...c, init: swap(c.init), next: swap(c.next) })),
      stacked: n.stacked.map((s) => ({ ...s, each: swap(s.each) })),
      body: n.body.map(inNode),
    };
  };
  return { inputs: graph.inputs, outputs: graph.outputs.map(swap), nodes: graph.nodes.map(inNode) };
}
