// Rebuilding expressions where a pass must see the original node, without recursion. In: interned
// expressions. Out: rebuilt ones. Shared by every pass of scheduling and lowering.
import { axisExpr, type Expr, type ExprNode, makeExpr, newAxis } from '../3-tile/expr.ts';
import { withSrc } from '../3-tile/rewrite.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { TileOp } from '../3-tile/tile-op.ts';

/** The indices among a load's operands, before a guard and what it gives otherwise. */
export const indicesOf = (e: Load): readonly Expr[] => (e.op === 'load' ? e.src : e.src.slice(0, -2));

/** The load from another place: indices of `tensor`, and the guard among `src`. */
export const loadFrom = (e: Load, tensor: TileTensor, at: readonly Expr[], src: readonly Expr[]): Expr =>
  makeExpr(e.op, e.dtype, e.op === 'load' ? at : [...at, ...src.slice(-2)], tensor, e.lanes);

type Load = ExprNode<'load'> | ExprNode<'guarded'>;

/** What a node becomes, given its already rebuilt operands; undefined: the same node over those. */
export type Rebuild = (e: Expr, src: readonly Expr[]) => Expr | undefined;

/** What nodes have become. */
export type Memo = { get(e: Expr): Expr | undefined; set(e: Expr, to: Expr): unknown };

/**
 * Rebuilds bottom-up; `memo` may be shared between calls with the same `rebuild`. Operands that
 * `enter` excludes are not visited and reach `rebuild` as they were.
 */
export function transform(
  root: Expr,
  rebuild: Rebuild,
  memo: Memo = new Map<Expr, Expr>(),
  enter: (e: Expr, operand: number) => boolean = () => true,
): Expr {
  const done = memo.get(root);
  if (done) return done;
  const stack: Expr[] = [root];
  while (stack.length > 0) {
    const e = stack[stack.length - 1];
    if (memo.get(e)) {
      stack.pop();
      continue;
    }
    let ready = true;
    for (let i = e.src.length - 1; i >= 0; i--) {
      if (memo.get(e.src[i]) || !enter(e, i)) continue;
      stack.push(e.src[i]);
      ready = false;
    }
    if (!ready) continue;
    stack.pop();
    const src = e.src.map((s) => memo.get(s) ?? s);
    memo.set(e, rebuild(e, src) ?? withSrc(e, src));
  }
  return memo.get(root)!;
}

/** The operator with every expression mapped. */
export function mapOp(op: TileOp, over: (e: Expr) => Expr): TileOp {
  const reduce = op.reduce && { ...op.reduce, elems: op.reduce.elems.map(over) };
  return { ...op, value: over(op.value), at: op.at.map(over), reduce };
}

/** The operator with every expression rebuilt. */
export function rebuildOp(op: TileOp, rebuild: Rebuild): TileOp {
  const memo = new Map<Expr, Expr>();
  return mapOp(op, (e) => transform(e, rebuild, memo));
}

/** An operator without a reduction over the whole of a new tensor. */
export function over(name: string, write: TileTensor, value: (at: readonly Expr[]) => Expr): TileOp {
  const axes = write.shape.map((n, d) => newAxis(`i${d}`, n));
  const at = axes.map(axisExpr);
  return { kind: 'op', name, axes, reduce: null, write, at, value: value(at) };
}
