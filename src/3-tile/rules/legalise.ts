// Decomposition of scalar functions into arithmetic, comparisons, selections and bit operations, so
// that a target needs no function library. In: an expression with any scalar or vector nodes. Out: the
// same value within the accuracy that test/tile/functions.test.ts states, without the ops of the table.
import type { BinaryOp, Expr, Op, UnaryOp } from '../expr.ts';
import { rewriteExpr } from '../rewrite.ts';
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

/** The expression without scalar functions. A memo may be kept between calls. */
export const legalise = (root: Expr, memo?: Map<Expr, Expr>): Expr =>
  rewriteExpr(root, (e) => TABLE.get(e.op)?.(e.src[0], e.src[1]), memo);
