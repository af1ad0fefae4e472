// Decomposition of scalar functions into arithmetic, comparisons, selections and bit operations, so that a target needs
// no function library. In: an expression and what each function becomes, which lives with the operators. Out: the same
// value without functions.
import { memoised } from '../../support/rewrite.ts';
import { type Expr, type FunctionOp, fma, isFunction, neg } from '../expr.ts';
import { operandsOf, rewriteExpr, withSrc } from '../rewrite.ts';

/** What a function of one or two operands becomes, on a device that scales by a power of two at once or does not. */
export type Decompositions = Readonly<Record<FunctionOp, (a: Expr, b: Expr, scales: boolean) => Expr>>;

/** What a device does in one instruction. */
type Abilities = Readonly<{ fuse?: boolean; scales?: boolean }>;

/** f32 products that are summed, between these operands and the root, as multiply-adds with one rounding. */
function fused(root: Expr, operands: readonly Expr[]): Expr {
  const memo = new Map(operands.map((s) => [s, s]));
  return memoised(root, operandsOf, memo, (e) => {
    const src = e.src.map((s) => memo.get(s)!);
    const [a, b] = src;
    if (e.dtype === 'f32' && e.op === 'sub' && b.op === 'mul') return fma(neg(b.src[0]), b.src[1], a);
    if (e.dtype !== 'f32' || e.op !== 'add') return withSrc(e, src);
    if (b.op === 'mul') return fma(b.src[0], b.src[1], a);
    return a.op === 'mul' ? fma(a.src[0], a.src[1], b) : withSrc(e, src);
  });
}

/** The expression without scalar functions; where they multiply and add, or scale, as the device can. A memo may be kept. */
export function legalise(root: Expr, functions: Decompositions, can: Abilities = {}, memo?: Map<Expr, Expr>): Expr {
  const { fuse = false, scales = false } = can;
  const step = (e: Expr): Expr | undefined => {
    const made = isFunction(e.op) ? functions[e.op as FunctionOp](e.src[0], e.src[1], scales) : undefined;
    return made && fuse ? fused(made, e.src) : made;
  };
  return rewriteExpr(root, step, memo);
}
