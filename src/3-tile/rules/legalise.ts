// Decomposition of scalar functions into arithmetic, comparisons, selections and bit operations, so that a target needs
// no function library; test/tile/functions.test.ts states the accuracy. Out: the same value without ops of the table.
import { memoised } from '../../support/rewrite.ts';
import { type BinaryOp, type Expr, fma, neg, type Op, type UnaryOp } from '../expr.ts';
import { rewriteExpr, withSrc } from '../rewrite.ts';
import * as exponential from './functions-exp.ts';
import * as logarithmic from './functions-log.ts';
import { pow } from './functions-pow.ts';
import * as trigonometric from './functions-trig.ts';

type Decomposition = (a: Expr, b: Expr) => Expr;

/** The decompositions of functions that exist only above code generation. */
const TABLE: ReadonlyMap<Op, Decomposition> = new Map(
  Object.entries({ ...exponential, ...logarithmic, ...trigonometric, pow } satisfies {
    [O in UnaryOp | BinaryOp]?: Decomposition;
  }) as [Op, Decomposition][],
);

/** Whether `legalise` replaces this op. */
export const isFunction = (op: Op): boolean => TABLE.has(op);

/** f32 products that are summed, between these operands and the root, as multiply-adds with one rounding. */
function fused(root: Expr, operands: readonly Expr[]): Expr {
  const memo = new Map(operands.map((s) => [s, s]));
  return memoised(
    root,
    (e) => e.src,
    memo,
    (e) => {
      const src = e.src.map((s) => memo.get(s)!);
      const [a, b] = src;
      if (e.dtype === 'f32' && e.op === 'sub' && b.op === 'mul') return fma(neg(b.src[0]), b.src[1], a);
      if (e.dtype !== 'f32' || e.op !== 'add') return withSrc(e, src);
      if (b.op === 'mul') return fma(b.src[0], b.src[1], a);
      return a.op === 'mul' ? fma(a.src[0], a.src[1], b) : withSrc(e, src);
    },
  );
}

/** The expression without scalar functions; `fuse`: where they multiply and add, in one step. A memo may be kept. */
export const legalise = (root: Expr, fuse = false, memo?: Map<Expr, Expr>): Expr => {
  const step = (e: Expr): Expr | undefined => {
    const made = TABLE.get(e.op)?.(e.src[0], e.src[1]);
    return made && fuse ? fused(made, e.src) : made;
  };
  return rewriteExpr(root, step, memo);
};
