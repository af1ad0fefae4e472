// Splits a segment into what depends on constants only and the rest. The constant part runs once at compile time (on the
// target itself, so large weights are transposed or scaled at full speed) and its results become constants. Runs after
// specialisation, before lowering to tiles.
import { dtypeInfo } from '../ir/dtype.ts';
import { bytesOf, type TensorData } from '../ir/tensor.ts';
import { inputsOf, mapReads, outputsOf, pruneNodes } from './liveness.ts';
import type { StaticGraph, StaticNode, StaticOpNode, StaticTensor, Tensors } from './static.ts';

const MIB = 2 ** 20;

const sizeOf = (ts: Tensors): number => ts.reduce((n, t) => n + bytesOf(t), 0);

/** How much larger than what it is made from: bytes may become floats. */
const MAX_GROWTH = 4;

/** Worth keeping as a constant: small, or not much larger than what it is made from. */
function worthFolding(node: StaticNode): boolean {
  const made = sizeOf(outputsOf(node));
  return made <= MIB || made <= MAX_GROWTH * sizeOf(inputsOf(node));
}

/**
 * Constant bytes that are widened to meet others which only a run gives stay bytes: integers may be multiplied instead.
 * Reshapes and transposes in between are looked through: nodes of one input that is no constant.
 */
function staysBytes(nodes: readonly StaticNode[]): (node: StaticNode) => boolean {
  const makers = new Map(nodes.flatMap((n) => outputsOf(n).map((t) => [t, n] as const)));
  const readers = new Map<StaticTensor, StaticNode[]>();
  for (const n of nodes) for (const t of inputsOf(n)) readers.set(t, [...(readers.get(t) ?? []), n]);
  const isWidening = (n: StaticNode | undefined): n is StaticOpNode => n?.kind === 'op' && n.operator.widens === true;
  const made = (n: StaticNode): Tensors => inputsOf(n).filter((t) => makers.has(t));
  const ofRun = (t: StaticTensor): boolean => {
    let n = makers.get(t);
    for (; n && !isWidening(n); n = makers.get(made(n)[0])) if (made(n).length !== 1) return false;
    return n !== undefined && n.inputs[0]!.constant === null;
  };
  return (node) => {
    if (!isWidening(node) || dtypeInfo(node.inputs[0]!.dtype).bytes > 1) return false;
    let [t] = outputsOf(node);
    for (;;) {
      const [reader, ...others] = readers.get(t) ?? [];
      if (!reader || others.length > 0 || reader.kind !== 'op') return false;
      if (made(reader).length > 1) return made(reader).some((x) => x !== t && ofRun(x));
      [t] = outputsOf(reader);
    }
  };
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
  const stays = staysBytes(graph.nodes);
  const constant: StaticNode[] = [];
  const others: StaticNode[] = [];
  for (const n of graph.nodes) {
    const pure = n.kind === 'op' && n.operator.pure !== false;
    if (pure && inputsOf(n).every(isKnown) && worthFolding(n) && !stays(n)) {
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
