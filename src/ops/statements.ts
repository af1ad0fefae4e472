// Short constructors for loop statements, so that routines read like the loops they are.
import { type ComputeType, type Expr, index, localExpr, newLocal } from '../3-tile/expr.ts';
import type { Stmt } from '../3-tile/tile-op.ts';

/** A mutable local with its read expression and assignment. */
export type Variable = Readonly<{ read: Expr; set: (value: Expr) => Stmt }>;

export function variable(name: string, dtype: ComputeType): Variable {
  const local = newLocal(name, dtype);
  return { read: localExpr(local), set: (value) => ({ kind: 'set', local, value }) };
}

/** Nested loops over all index tuples below `extents`. */
export function loopNest(extents: readonly number[], body: (ix: readonly Expr[]) => readonly Stmt[]): readonly Stmt[] {
  const locals = extents.map((_, i) => newLocal(`i${i}`, 'i32'));
  let inner = body(locals.map(localExpr));
  for (let i = extents.length - 1; i >= 0; i--) {
    inner = [{ kind: 'for', index: locals[i], from: index(0), to: index(extents[i]), step: 1, body: inner }];
  }
  return inner;
}

export const whileLoop = (cond: Expr, body: readonly Stmt[]): Stmt => ({ kind: 'while', cond, body });
export function when(cond: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt {
  return { kind: 'if', cond, then, else: otherwise };
}
