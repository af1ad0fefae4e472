// Drivers over directed acyclic graphs of immutable nodes, with their own stack, so that depth costs memory and never
// the call stack. In: roots, how to see children, how to rebuild. Out: orders and rewritten roots. Knows nothing about
// expressions.
import { invariant } from './errors.ts';

export interface Dag<N> {
  src(node: N): readonly N[];
  /** The node over other children; called only when a child changed. */
  rebuild(node: N, src: readonly N[]): N;
}

/** Nodes already visited. */
export interface Seen<N> {
  has(node: N): boolean;
  add(node: N): unknown;
}

/** Every node once, children before parents, left before right; `seen` nodes are skipped and added. */
export function postOrder<N>(roots: readonly N[], src: (node: N) => readonly N[], seen: Seen<N> = new Set()): N[] {
  const order: N[] = [];
  const stack: { node: N; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const children = src(top.node);
      while (top.next < children.length && seen.has(children[top.next])) top.next++;
      if (top.next < children.length) {
        const child = children[top.next++];
        seen.add(child);
        stack.push({ node: child, next: 0 });
      } else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** Rewrites of one node, each within the result of the one before, after which rules are taken to diverge. */
const MAX_PENDING = 1000;

/**
 * Bottom-up to a fixed point: children first, then `step` at the node as long as it gives another node, whose parts are
 * rewritten in turn. `memo` may be kept between calls with the same `step`. Throws INTERNAL when the rules run in a
 * circle or do not end.
 */
export function rewriteDag<N>(root: N, dag: Dag<N>, step: (node: N) => N | undefined, memo: Map<N, N> = new Map()): N {
  const forward = new Map<N, N>();
  let pending = 0;
  const stack: N[] = [root];
  const wait = (node: N): void => {
    invariant(!forward.has(node), 'rewrite rules run in a circle');
    stack.push(node);
  };
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    if (memo.has(node)) {
      stack.pop();
      continue;
    }
    const next = forward.get(node);
    const src = next === undefined ? dag.src(node) : [next];
    const before = stack.length;
    for (let i = src.length - 1; i >= 0; i--) if (!memo.has(src[i])) wait(src[i]);
    if (stack.length > before) continue;
    const rewritten = src.map((s) => memo.get(s)!);
    if (next !== undefined) {
      memo.set(node, rewritten[0]);
      pending--;
      continue;
    }
    const rebuilt = rewritten.some((s, i) => s !== src[i]) ? dag.rebuild(node, rewritten) : node;
    const known = memo.get(rebuilt);
    const stepped = known ?? step(rebuilt) ?? rebuilt;
    if (stepped === rebuilt || known !== undefined) {
      memo.set(rebuilt, stepped);
      memo.set(node, stepped);
      continue;
    }
    forward.set(node, stepped);
    invariant(++pending < MAX_PENDING, 'rewrite rules do not end');
  }
  return memo.get(root)!;
}

/** The root's entry of `memo`, made by `compute` from those of its children, which are made first. */
export function memoised<N, T>(root: N, src: (node: N) => readonly N[], memo: Map<N, T>, compute: (node: N) => T): T {
  const open = new Set<N>();
  const seen: Seen<N> = { has: (node) => memo.has(node) || open.has(node), add: (node) => open.add(node) };
  for (const node of postOrder([root], src, seen)) if (!memo.has(node)) memo.set(node, compute(node));
  return memo.get(root)!;
}
