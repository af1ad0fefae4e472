// Walking and rebuilding expressions without recursion. In: interned expressions. Out: their nodes
// in operand-first order, or rebuilt expressions. Shared by every pass of scheduling and lowering.
import { type Expr, makeExpr } from '../3-tile/expr.ts';

/** Every node below the roots once, operands before users; the order depends on structure only. */
export function postorder(roots: readonly Expr[]): Expr[] {
  const out: Expr[] = [];
  const seen = new Set<Expr>();
  const stack: Expr[] = [];
  const cursor: number[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push(root);
    cursor.push(0);
    while (stack.length > 0) {
      const top = stack.length - 1;
      const e = stack[top];
      if (cursor[top] === e.src.length) {
        out.push(e);
        stack.pop();
        cursor.pop();
        continue;
      }
      const next = e.src[cursor[top]++];
      if (seen.has(next)) continue;
      seen.add(next);
      stack.push(next);
      cursor.push(0);
    }
  }
  return out;
}

/** Same node over other operands. */
export function withSrc(e: Expr, src: readonly Expr[]): Expr {
  let same = true;
  for (let i = 0; i < src.length; i++) same &&= src[i] === e.src[i];
  return same ? e : makeExpr(e.op, e.dtype, src, e.arg as never, e.lanes);
}

/** What a node becomes, given its already rebuilt operands. */
export type Rebuild = (e: Expr, src: readonly Expr[]) => Expr;

/** Rebuilds bottom-up; `memo` may be shared between calls with the same `rebuild`. */
export function transform(root: Expr, rebuild: Rebuild, memo = new Map<Expr, Expr>()): Expr {
  const done = memo.get(root);
  if (done) return done;
  const stack: Expr[] = [root];
  while (stack.length > 0) {
    const e = stack[stack.length - 1];
    if (memo.has(e)) {
      stack.pop();
      continue;
    }
    let ready = true;
    for (let i = e.src.length - 1; i >= 0; i--) {
      if (memo.has(e.src[i])) continue;
      stack.push(e.src[i]);
      ready = false;
    }
    if (!ready) continue;
    stack.pop();
    memo.set(
      e,
      rebuild(
        e,
        e.src.map((s) => memo.get(s)!),
      ),
    );
  }
  return memo.get(root)!;
}
