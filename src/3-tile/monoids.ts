// The monoids that operators reduce with. State and element placeholders are `acc(i)` and `elem(i)`.
// Float sums may be reassociated by a schedule, always in the same way for the same plan.
import { intRange } from '../ir/dtype.ts';
import type { Scalar } from '../ir/tensor.ts';
import { acc, type BinaryOp, binary, type ComputeType, type Expr, elem, normalise } from './expr.ts';
import type { Monoid } from './tile-op.ts';

function simple(name: BinaryOp, dtype: ComputeType, init: Scalar): Monoid {
  const combine = [binary(name, acc(0, dtype), elem(0, dtype))];
  return { name, state: [dtype], init: [init], combine, merge: combine };
}

const big = (t: ComputeType): boolean => t === 'i64' || t === 'u64';
const isFloatType = (t: ComputeType): boolean => t === 'f32' || t === 'f64';

function extreme(t: ComputeType, end: 0 | 1): Scalar {
  if (isFloatType(t)) return end === 0 ? -Infinity : Infinity;
  return t === 'bool' ? end : normalise(t, intRange(t)[end]);
}

/** The identity of max (its smallest value) and of min. */
export const lowest = (t: ComputeType): Scalar => extreme(t, 0);
export const highest = (t: ComputeType): Scalar => extreme(t, 1);

/** A float sum starts at -0, its exact identity, so that a sum of one element is that element. */
export const sum = (t: ComputeType): Monoid => simple('add', t, big(t) ? 0n : isFloatType(t) ? -0 : 0);
export const product = (t: ComputeType): Monoid => simple('mul', t, big(t) ? 1n : 1);
export const maximum = (t: ComputeType): Monoid => simple('max', t, lowest(t));
export const minimum = (t: ComputeType): Monoid => simple('min', t, highest(t));
export const all = (): Monoid => simple('and', 'bool', 1);
export const any = (): Monoid => simple('or', 'bool', 0);

const COMMUTATIVE: ReadonlySet<Expr['op']> = new Set(['add', 'mul', 'min', 'max', 'and', 'or']);

/** Whether elements may be folded in any order, and in parts that are joined: one state, a commutative operation. */
export function isUnordered({ state, combine: [c], merge }: Monoid): boolean {
  const commutes = COMMUTATIVE.has(c.op) && c.src[0].op === 'acc' && c.src[1].op === 'elem';
  return merge !== null && state.length === 1 && commutes;
}
