// Straight-line code: roots are emitted in order onto the stack machine, and a value that is used again before anything
// it depends on changes is kept in a local. In: values with an action each. Needs no recursion.
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { memoised } from '../../../support/rewrite.ts';
import type { FunctionBuilder } from './function.ts';
import type { StatementEmitter } from './kernel.ts';
import { isConstant, type Value, type Variable } from './value.ts';

type Changed = Readonly<{ sets?: Variable | null; writes?: TileTensor }>;
/** One step: computes the roots onto the stack in order, then acts on them; and what the action changes. */
export type RunItem = Readonly<{ roots: readonly Value[]; act: (f: FunctionBuilder) => void }> & Changed;

/** A value at one moment: equal values before and after a change are different nodes. */
interface Node {
  readonly value: Value;
  readonly src: readonly Node[];
  /** Count of changes to the variable or memory it reads, when it was made. */
  readonly version: number;
  uses: number;
  /** The local that keeps it, or -1. */
  local: number;
  left: number;
}

/** The nodes of all items' roots, with counts of their uses. */
function nodesOf(items: readonly RunItem[], hoisted: ReadonlyMap<Value, number>): Node[][] {
  const latest = new Map<Value, Node>();
  /** Those of the latest that are known to hold since the last change. */
  const current = new Map<Value, Node>();
  const versions = new Map<TileTensor | Variable | null, number>();
  const operands = (x: Value): readonly Value[] => (hoisted.has(x) ? [] : x.src);
  const renewed = (value: Value): Node => {
    const src = operands(value).map((s) => current.get(s)!);
    const version = versions.get(value.variable ?? value.memory) ?? 0;
    const old = latest.get(value);
    if (old?.version === version && src.every((s, i) => s === old.src[i])) return old;
    for (const s of src) s.uses++;
    const node = { value, src, version, uses: 0, local: -1, left: 0 };
    latest.set(value, node);
    return node;
  };
  return items.map(({ roots, sets, writes }) => {
    const nodes = roots.map((r) => memoised(r, operands, current, renewed));
    for (const n of nodes) n.uses++;
    for (const what of [sets, writes]) if (what) versions.set(what, (versions.get(what) ?? 0) + 1);
    if (sets || writes) current.clear();
    return nodes;
  });
}

/** Emits the items; a local is held from a value's first use to its last. */
export function emitRun(emitter: StatementEmitter, items: readonly RunItem[]): void {
  for (const [i, nodes] of nodesOf(items, emitter.hoisted).entries()) {
    for (const n of nodes) emitNode(emitter, n);
    items[i].act(emitter.f);
  }
}

function emitNode(emitter: StatementEmitter, root: Node): void {
  const pending: { n: Node; ready: boolean }[] = [{ n: root, ready: false }];
  for (let top = pending.pop(); top; top = pending.pop()) {
    const { n, ready } = top;
    if (ready) finish(emitter, n);
    else if (!emitKept(emitter, n)) {
      pending.push({ n, ready: true });
      for (let i = n.src.length - 1; i >= 0; i--) pending.push({ n: n.src[i], ready: false });
    }
  }
}

/** Pushes a value that costs nothing or lies in a local already. */
function emitKept(emitter: StatementEmitter, n: Node): boolean {
  const { f } = emitter;
  const { value } = n;
  const held = emitter.hoisted.get(value);
  if (held !== undefined) f.get(held);
  else if (value.variable) f.get(emitter.localOf(value.variable));
  else if (n.local >= 0) {
    f.get(n.local);
    if (--n.left === 0) f.release(n.local);
  } else return false;
  return true;
}

function finish({ f, indexOf }: StatementEmitter, n: Node): void {
  const { value } = n;
  if (value.callee !== null) f.call(indexOf(value.callee));
  else if (value.op === 'select') f.select();
  else if (value.op !== 'read' && value.op !== 'call') f.op(value.op, value.imm);
  if (n.uses < 2 || isConstant(value)) return;
  n.local = f.allocate(value.type);
  n.left = n.uses - 1;
  f.tee(n.local);
}
