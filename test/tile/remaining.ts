// Which ops kernels may hold when scalar functions are decomposed: every target renders these.
import { type BinaryOp, type ComputeType, isFunction, UNARY, type UnaryOp } from '../../src/3-tile/expr.ts';

import { binaryMeaning, unaryMeaning } from '../../src/3-tile/semantics.ts';

const unaries: ReadonlySet<string> = new Set(UNARY);

/** Whether the op has a meaning on operands of this type and no decomposition. */
export function remains(op: UnaryOp | BinaryOp, t: ComputeType): boolean {
  const meaning = unaries.has(op) ? unaryMeaning(op as UnaryOp, t) : binaryMeaning(op as BinaryOp, t);
  return meaning !== undefined && !isFunction(op);
}
