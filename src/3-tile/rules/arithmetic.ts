// Short notation for the decompositions of scalar functions: arithmetic between expressions and plain
// numbers (spread over the lanes of the other operand), and polynomials.
import { BINARY, type BinaryOp, binary, type ComputeType, constant, type Expr, makeExpr, perOp } from '../expr.ts';

export type Operand = Expr | number | bigint;

/** The constant in the type and lanes of `x`. */
export function like(x: Expr, value: number | bigint, dtype: ComputeType = x.dtype): Expr {
  const c = constant(dtype, value);
  return x.lanes === 1 ? c : makeExpr('splat', dtype, [c], null, x.lanes);
}

const isExpr = (x: Operand): x is Expr => typeof x === 'object';

type Fn2 = { (a: Expr, b: Operand): Expr; (a: Operand, b: Expr): Expr };
const mixed = (op: BinaryOp, a: Operand, b: Operand): Expr => {
  const typed = (isExpr(a) ? a : b) as Expr;
  return binary(op, isExpr(a) ? a : like(typed, a), isExpr(b) ? b : like(typed, b));
};
const fns = perOp(BINARY, (op) => ((a: Operand, b: Operand) => mixed(op, a, b)) as Fn2);
export const { add, sub, mul, div, min, max, and, or, xor, shl, shr, eq, ne, lt, le, gt, ge } = fns;

/** cond ? then : otherwise; at least one side is an expression. */
export function choose(cond: Expr, then: Operand, otherwise: Operand): Expr {
  const typed = (isExpr(then) ? then : otherwise) as Expr;
  const a = isExpr(then) ? then : like(typed, then);
  const b = isExpr(otherwise) ? otherwise : like(typed, otherwise);
  return makeExpr('select', a.dtype, [cond, a, b], null, a.lanes);
}

/** c[0] + c[1] x + c[2] x^2 + ... */
export function polynomial(x: Expr, c: readonly number[]): Expr {
  let sum = like(x, c[c.length - 1]);
  for (let i = c.length - 2; i >= 0; i--) sum = add(mul(sum, x), c[i]);
  return sum;
}
