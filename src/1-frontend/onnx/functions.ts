// Calls between functions of a model: recursion is refused here, so that inlining always ends.
import type { FunctionDef, Graph, Node } from '../../ir/graph.ts';
import { TilewrightError } from '../../support/errors.ts';

/** Keys of the functions that a body calls, regions included. */
function callees(body: readonly Node[], functions: ReadonlyMap<string, unknown>): string[] {
  const keys = new Set<string>();
  const pending: (readonly Node[])[] = [body];
  const enter = (graph: Graph): void => void pending.push(graph.nodes);
  for (let nodes = pending.pop(); nodes; nodes = pending.pop()) {
    for (const node of nodes) {
      const key = `${node.domain}\u0000${node.op}`;
      if (functions.has(key)) keys.add(key);
      for (const attr of node.attrs.values()) {
        if (attr.kind === 'graph') enter(attr.value);
        if (attr.kind === 'graphs') for (const graph of attr.value) enter(graph);
      }
    }
  }
  return [...keys];
}

/** Refuses functions that call themselves, directly or through others, with INVALID_MODEL. */
export function checkNoRecursion(functions: ReadonlyMap<string, FunctionDef>): void {
  const state = new Map<string, 'open' | 'done'>();
  for (const root of functions.keys()) {
    const stack: { key: string; rest: string[] }[] = [];
    const open = (key: string): void => {
      if (state.get(key) === 'done') return;
      const { name, nodes } = functions.get(key)!;
      if (state.get(key) === 'open') {
        throw new TilewrightError('INVALID_MODEL', 'the function calls itself', { op: name });
      }
      state.set(key, 'open');
      stack.push({ key, rest: callees(nodes, functions) });
    };
    open(root);
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const next = top.rest.pop();
      if (next !== undefined) {
        open(next);
        continue;
      }
      state.set(top.key, 'done');
      stack.pop();
    }
  }
}
