// Facts about a kernel that its C text depends on: which index expressions cannot be steered by data (they may be
// computed in 64 bits, where nothing wraps), what each expression reads, and how often each value is used. No
// recursion: expressions may be thousands deep.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { type Kernel, walkStmts } from '../../../3-tile/task.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import type { Stmt } from '../../../3-tile/tile-op.ts';
import { memoised } from '../../../support/rewrite.ts';

export const isLoad = (e: Expr): e is Expr & { op: 'load' | 'guarded' } => e.op === 'load' || e.op === 'guarded';

/** Answers about expressions that follow from the answers about their operands; all are remembered. */
export type Facts<T> = (e: Expr) => T;

const operands = (e: Expr): readonly Expr[] => e.src;

function facts<T>(derive: (e: Expr, of: Facts<T>) => T): Facts<T> {
  const memo = new Map<Expr, T>();
  const known = (e: Expr): T => memo.get(e)!;
  const compute = (e: Expr): T => derive(e, known);
  return (root) => memoised(root, operands, memo, compute);
}

/** Whether an expression depends on no loaded element, given the locals that do not. */
export const steadyGiven = (locals: ReadonlySet<Local>): Facts<boolean> =>
  facts((e, of) => (e.op === 'local' ? locals.has(e.arg) : !isLoad(e)) && e.src.every(of));

const PASSES = 4;

/**
 * Locals whose value depends on no loaded element: indices of loops with such bounds, and locals whose every `set` is
 * such an expression of others.
 */
export function staticLocals(kernel: Kernel): ReadonlySet<Local> {
  const found = new Set<Local>();
  for (let pass = 0; pass < PASSES; pass++) {
    const before = found.size;
    const verdict = new Map<Local, boolean>();
    const steady = steadyGiven(found);
    const note = (local: Local, ...parts: Expr[]): void => {
      verdict.set(local, (verdict.get(local) ?? true) && parts.every((p) => steady(p)));
    };
    walkStmts(kernel.body, (s) => {
      if (s.kind === 'for') note(s.index, s.from, s.to);
      if (s.kind === 'set') note(s.local, s.value);
    });
    for (const [local, ok] of verdict) if (ok) found.add(local);
    if (found.size === before) break;
  }
  return found;
}

/** What a value depends on besides constants. */
export type Reads = Readonly<{ locals: ReadonlySet<Local>; tensors: ReadonlySet<TileTensor> }>;

function union<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): ReadonlySet<T> {
  if (b.size > a.size) return union(b, a);
  for (const x of b) if (!a.has(x)) return new Set([...a, ...b]);
  return a;
}

/** What expressions read. */
export const readsOf = (): Facts<Reads> =>
  facts((e, of) => {
    let locals: ReadonlySet<Local> = new Set(e.op === 'local' ? [e.arg] : []);
    let tensors: ReadonlySet<TileTensor> = new Set(isLoad(e) ? [e.arg] : []);
    for (const s of e.src) {
      locals = union(locals, of(s).locals);
      tensors = union(tensors, of(s).tensors);
    }
    return { locals, tensors };
  });

/** The locals set and the tensors stored by these statements, nested ones included. */
export function effects(body: readonly Stmt[]): Reads {
  const locals = new Set<Local>();
  const tensors = new Set<TileTensor>();
  walkStmts(body, (s) => {
    if (s.kind === 'set') locals.add(s.local);
    if (s.kind === 'for') locals.add(s.index);
    if (s.kind === 'store') tensors.add(s.tensor);
  });
  return { locals, tensors };
}
