// Facts about a kernel that its C text depends on: which index expressions cannot be steered by
// data (they may be computed in 64 bits, where nothing wraps), what each expression reads, and how
// often each value is used. No recursion: expressions may be thousands deep.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { type Kernel, stmtExprs, walkStmts } from '../../../3-tile/task.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import type { Stmt } from '../../../3-tile/tile-op.ts';

/** Visits every distinct node below the roots that `skip` does not cut, operands first. */
export function postOrder(roots: readonly Expr[], visit: (e: Expr) => void, skip: (e: Expr) => boolean): void {
  const stack: (readonly [Expr, boolean])[] = roots.map((e) => [e, false] as const).reverse();
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [e, ready] = top;
    if (ready) {
      if (!skip(e)) visit(e);
    } else if (!skip(e)) {
      stack.push([e, true]);
      for (let i = e.src.length - 1; i >= 0; i--) stack.push([e.src[i], false]);
    }
  }
}

const PASSES = 4;

/**
 * Locals whose value depends on no loaded element: indices of loops with such bounds, and locals
 * whose every `set` is such an expression of others.
 */
export function staticLocals(kernel: Kernel): ReadonlySet<Local> {
  const found = new Set<Local>();
  const isStatic = (e: Expr, memo: Map<Expr, boolean>): boolean => {
    postOrder(
      [e],
      (n) => {
        const leaf = n.op === 'local' ? found.has(n.arg) : n.op !== 'load' && n.op !== 'guarded';
        memo.set(n, leaf && n.src.every((s) => memo.get(s)));
      },
      (n) => memo.has(n),
    );
    return memo.get(e)!;
  };
  for (let pass = 0; pass < PASSES; pass++) {
    const before = found.size;
    const verdict = new Map<Local, boolean>();
    const memo = new Map<Expr, boolean>();
    const note = (local: Local, parts: readonly Expr[]): void => {
      verdict.set(local, (verdict.get(local) ?? true) && parts.every((p) => isStatic(p, memo)));
    };
    walkStmts(kernel.body, (s) => {
      if (s.kind === 'for') note(s.index, [s.from, s.to]);
      if (s.kind === 'set') note(s.local, [s.value]);
    });
    for (const [local, ok] of verdict) if (ok) found.add(local);
    if (found.size === before) break;
  }
  return found;
}

/** What a value depends on besides constants. */
export interface Reads {
  readonly locals: ReadonlySet<Local>;
  readonly tensors: ReadonlySet<TileTensor>;
}

const NOTHING: Reads = { locals: new Set(), tensors: new Set() };

function union<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): ReadonlySet<T> {
  if (b.size > a.size) return union(b, a);
  for (const x of b) if (!a.has(x)) return new Set([...a, ...b]);
  return a;
}

/** Answers what expressions read, remembering all answers. */
export class ReadSets {
  private readonly memo = new Map<Expr, Reads>();

  of(e: Expr): Reads {
    postOrder(
      [e],
      (n) => this.memo.set(n, this.join(n)),
      (n) => this.memo.has(n),
    );
    return this.memo.get(e)!;
  }

  private join(e: Expr): Reads {
    let { locals, tensors } = NOTHING;
    for (const s of e.src) {
      const r = this.memo.get(s)!;
      locals = union(locals, r.locals);
      tensors = union(tensors, r.tensors);
    }
    if (e.op === 'local') locals = union(locals, new Set([e.arg]));
    if (e.op === 'load' || e.op === 'guarded') tensors = union(tensors, new Set([e.arg]));
    return { locals, tensors };
  }
}

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

/** All expressions that statements evaluate themselves, outer statements first. */
export function allRoots(body: readonly Stmt[]): Expr[] {
  const roots: Expr[] = [];
  walkStmts(body, (s) => {
    for (const e of stmtExprs(s)) roots.push(e);
  });
  return roots;
}
