// Splits a segment into what depends on constants only and the rest. The constant part runs once at compile time (on the
// target itself, so large weights are transposed or scaled at full speed) and its results become constants. Runs after
// specialisation, before lowering to tiles.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { inputsOf, mapReads, outputsOf, pruneNodes } from './liveness.ts';
import type { StaticGraph, StaticNode, StaticTensor, Tensors } from './static.ts';

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
      const known = new Map(outputs.map((t, i) => [t, { ...t, constant: results[i] }]));
      const swap = (t: StaticTensor): StaticTensor => known.get(t) ?? t;
      return { ...graph, outputs: graph.outputs.map(swap), nodes: others.map((n) => mapReads(n, swap)) };
    },
  };
}
