// Index expressions as linear forms over axes and opaque terms. In: an i32 expression. Out: constant
// and coefficients, and back. Strides, contiguity and axis fusion are read off these forms.
import { type Axis, add, axisExpr, type Expr, exprMemos, index, mul, type Op } from '../3-tile/expr.ts';
import { memoised } from '../support/rewrite.ts';

/** constant + Σ coefficient · term; a term is an axis node or any expression that is not linear. */
export type Linear = Readonly<{ constant: number; terms: ReadonlyMap<Expr, number> }>;

const NO_TERMS: Linear['terms'] = new Map();
/** The form without terms. */
export const fixed = (constant: number): Linear => ({ constant, terms: NO_TERMS });

/** The form where an axis has this value. */
export function fixedAt({ constant, terms }: Linear, axis: Axis, value: number): Linear {
  const others = new Map([...terms].filter(([t]) => t !== axisExpr(axis)));
  return { constant: constant + (terms.get(axisExpr(axis)) ?? 0) * value, terms: others };
}

/** a + scale · b. */
export function plus(a: Linear, b: Linear, scale = 1): Linear {
  const constant = a.constant + scale * b.constant;
  if (b.terms.size === 0 || scale === 0) return { constant, terms: a.terms };
  if (a.terms.size === 0 && scale === 1) return { constant, terms: b.terms };
  const terms = new Map(a.terms);
  for (const [t, c] of b.terms) {
    const sum = (terms.get(t) ?? 0) + scale * c;
    if (sum === 0) terms.delete(t);
    else terms.set(t, sum);
  }
  return { constant, terms };
}

function combine(e: Expr, of: (s: Expr) => Linear): Linear {
  if (e.op === 'const') return fixed(Number(e.arg));
  if (e.op === 'add') return plus(of(e.src[0]), of(e.src[1]));
  if (e.op === 'sub') return plus(of(e.src[0]), of(e.src[1]), -1);
  if (e.op === 'neg') return plus(ZERO, of(e.src[0]), -1);
  if (e.op === 'mul') {
    const [a, b] = [of(e.src[0]), of(e.src[1])];
    if (a.terms.size === 0) return plus(ZERO, b, a.constant);
    if (b.terms.size === 0) return plus(ZERO, a, b.constant);
  }
  return { constant: 0, terms: new Map([[e, 1]]) };
}

const ZERO = fixed(0);

const forms = new Map<Expr, Linear>();
exprMemos.push(forms);
const LINEAR: ReadonlySet<Op> = new Set<Op>(['add', 'sub', 'neg', 'mul']);
const parts = (e: Expr): readonly Expr[] => (LINEAR.has(e.op) ? e.src : []);
const known = (e: Expr): Linear => forms.get(e)!;

/** The linear form of an i32 index (values are assumed not to wrap, as indices in range do not). */
export const linearise = (e: Expr): Linear => known(e) ?? memoised(e, parts, forms, (n) => combine(n, known));

/** Coefficient of an axis as a direct term. */
export const coefficient = (l: Linear, axis: Axis): number => l.terms.get(axisExpr(axis)) ?? 0;

const product = (t: Expr, c: number): Expr => (c === 1 ? t : mul(t, index(c)));

/** The expression again: terms in the given order (the rest in their own), the constant last. */
export function fromLinear(l: Linear, order: readonly Expr[] = []): Expr {
  let e: Expr | null = null;
  const put = (t: Expr): void => {
    const c = l.terms.get(t);
    if (c !== undefined) e = e ? add(e, product(t, c)) : product(t, c);
  };
  for (const t of l.terms.keys()) if (!order.includes(t)) put(t);
  for (const t of order) put(t);
  if (!e) return index(l.constant);
  return l.constant === 0 ? e : add(e, index(l.constant));
}

/** How far b lies from a; null where that varies. */
export function distance(a: Linear, b: Linear): number | null {
  if (a.terms.size !== b.terms.size) return null;
  for (const [t, c] of a.terms) if (b.terms.get(t) !== c) return null;
  return b.constant - a.constant;
}

/** The smallest and the largest value over the whole extent of the axes; null with other terms. */
export function bounds({ constant, terms }: Linear): [number, number] | null {
  let [lo, hi] = [constant, constant];
  for (const [t, c] of terms) {
    if (t.op !== 'axis') return null;
    const span = c * (t.arg.extent - 1);
    if (span < 0) lo += span;
    else hi += span;
  }
  return [lo, hi];
}
