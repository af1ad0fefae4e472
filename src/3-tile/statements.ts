// Constructors for loop statements that targets and timers need too; what statements change, and what tasks run.
import { type Expr, index, isLoad, type Local, localExpr, newLocal } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import { stmtExprs, type Task, walkStmts } from './task.ts';
import type { TileTensor } from './tensor.ts';
import type { Stmt } from './tile-op.ts';

const asExpr = (x: Expr | number): Expr => (typeof x === 'number' ? index(x) : x);

/** for (i = from; i < to; i++) body(i), with i32 bounds. */
export function loopFrom(from: Expr | number, to: Expr | number, body: (i: Expr) => readonly Stmt[]): Stmt {
  const i = newLocal('i', 'i32');
  return { kind: 'for', index: i, from: asExpr(from), to: asExpr(to), step: 1, body: body(localExpr(i)) };
}

export const set = (local: Local, value: Expr): Stmt => ({ kind: 'set', local, value });

export function store(tensor: TileTensor, at: readonly Expr[], value: Expr): Stmt {
  return { kind: 'store', tensor, at, value };
}

/** What values depend on besides constants, or what statements change. */
export type Effects = ReadonlySet<Local | TileTensor>;

/** The locals set and the tensors stored by these statements, nested ones included. */
export function effects(body: readonly Stmt[]): Effects {
  const changed = new Set<Local | TileTensor>();
  walkStmts(body, (s) => {
    if (s.kind === 'set') changed.add(s.local);
    if (s.kind === 'for') changed.add(s.index);
    if (s.kind === 'store' || s.kind === 'contract') changed.add(s.tensor);
  });
  return changed;
}

/** The tensors that these statements load from. */
export function loads(body: readonly Stmt[]): ReadonlySet<TileTensor> {
  const read = new Set<TileTensor>();
  walkStmts(body, (s) => {
    for (const e of stmtExprs(s).flatMap((root) => walkExpr(root))) if (isLoad(e)) read.add(e.arg);
  });
  return read;
}

export type RunTask = Extract<Task, { kind: 'run' }>;

/** The calls of kernels, those in loops and branches included. */
export function runsOf(tasks: readonly Task[]): RunTask[] {
  const all = [...tasks];
  for (const t of all) {
    if (t.kind === 'loop') all.push(...t.tasks);
    else if (t.kind === 'branch') all.push(...t.then, ...t.else);
  }
  return all.filter((t) => t.kind === 'run');
}
