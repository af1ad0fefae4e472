// What is around the operators of one kernel: loops, and tensors that stand still while an operator reads them, so that
// they may be rearranged for it. In: a tile graph, canonical, and what formals stand for. Out: what the roller is told.
import type { Axis } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import type { Binding, Nest } from '../nest.ts';
import type { Around } from '../roller/pack.ts';
import type { TileGraph } from './graph.ts';
import type { Node, Nodes } from './nodes.ts';
import { loadsOf } from './region.ts';

/** The origins that advance by the same step to the end, and that step. */
function evenLoops(nodes: Nodes<unknown>): Map<Axis, number> {
  const found = new Map<Axis, number>();
  for (const n of nodes) {
    if (n.kind !== 'loop') continue;
    if (n.extent % n.step === 0) found.set(n.axis, n.step);
    for (const [a, step] of evenLoops(n.body)) found.set(a, step);
  }
  return found;
}

/** Operators, and whether a condition is around them. */
const leaves = <Leaf>(nodes: Nodes<Leaf>, conditional = false): (readonly [Leaf, boolean])[] =>
  nodes.flatMap((n) => {
    if (n.kind === 'op') return [[n.op, conditional] as const];
    return n.kind === 'let' ? [] : leaves(n.body, conditional || n.kind === 'when');
  });

export function surroundings(graph: TileGraph, nodes: Nodes<Nest>, { params, args }: Binding): Around {
  const readers = new Map<TileTensor, number>();
  const writers = new Map<TileTensor, number>();
  const count = (to: Map<TileTensor, number>, t: TileTensor, n: number): unknown => to.set(t, (to.get(t) ?? 0) + n);
  const actual = new Map(params.map((p, i) => [p, owner(args[i])]));
  for (const [{ op }, conditional] of leaves(nodes)) {
    for (const t of new Set(loadsOf(op).map((e) => e.arg))) count(readers, t, 1);
    // What is written under a condition keeps what another operator wrote.
    count(writers, op.write, conditional ? 2 : 1);
  }
  const written = new Set([...writers.keys()].map((t) => actual.get(t)!));
  const seen = new Set(graph.members.map(({ op }) => owner(op.write)));
  const inputs = [...readers].filter(([t, n]) => n === 1 && t.role !== 'constant' && !written.has(actual.get(t)!));
  const made = [...writers].filter(([t, n]) => n === 1 && !seen.has(actual.get(t)!));
  const tensors = (list: readonly (readonly [TileTensor, number])[]): Set<TileTensor> => new Set(list.map(([t]) => t));
  return { origins: evenLoops(nodes), inputs: tensors(inputs), made: tensors(made) };
}

/** The tree with nodes after the operators that write what they follow. */
export const followed = <L extends { readonly op: TileOp }>(
  nodes: Nodes<L>,
  after: (written: TileTensor) => Nodes<L>,
): Nodes<L> =>
  nodes.flatMap((n): Nodes<L> => {
    if (n.kind === 'op') return [n, ...after(n.op.op.write)];
    return n.kind === 'let' ? [n] : [{ ...n, body: followed(n.body, after) } as Node<L>];
  });
