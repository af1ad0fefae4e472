// The loops of tile graphs as a tree: what scheduling and lowering walk. Leaves are operators, in whichever form the stage
// at hand has them.
import type { Axis, Expr } from '../../3-tile/expr.ts';

/**
 * Work in order. A loop's axis counts origins: 0, step, … and last `extent - step`, which moves back where `step` does
 * not divide; a `let` gives an origin a value that depends on others.
 */
export type Node<Leaf> =
  | Readonly<{ kind: 'loop'; axis: Axis; extent: number; step: number; body: Nodes<Leaf> }>
  | { readonly kind: 'let'; readonly axis: Axis; readonly value: Expr }
  | { readonly kind: 'when'; readonly cond: Expr; readonly body: Nodes<Leaf> }
  | { readonly kind: 'op'; readonly op: Leaf };
export type Nodes<Leaf> = readonly Node<Leaf>[];

/** The same tree with other operators and other origins. */
export function mapNodes<A, B>(
  nodes: Nodes<A>,
  leaf: (op: A) => B,
  axis: (a: Axis) => Axis,
  over: (e: Expr) => Expr,
): Nodes<B> {
  return nodes.map((n): Node<B> => {
    if (n.kind === 'op') return { kind: 'op', op: leaf(n.op) };
    if (n.kind === 'let') return { ...n, axis: axis(n.axis), value: over(n.value) };
    const head = n.kind === 'loop' ? { ...n, axis: axis(n.axis) } : { ...n, cond: over(n.cond) };
    return { ...head, body: mapNodes(n.body, leaf, axis, over) };
  });
}
