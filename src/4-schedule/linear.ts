// Index expressions as linear forms over axes and opaque terms. In: an i32 expression. Out: constant
// and coefficients, and back. Strides, contiguity and axis fusion are read off these forms.
import { type Axis, add, axisExpr, type Expr, index, mul } from '../3-tile/expr.ts';
import { postorder } from './transform.ts';

/** constant + Σ coefficient · term; a term is an axis node or any expression that is not linear. */
export interface Linear {
  readonly constant: number;
  readonly terms: ReadonlyMap<Expr, number>;
}

const scaled = (a: Linear, k: number): Linear => {
  const terms = new Map<Expr, number>();
  if (k !== 0) for (const [t, c] of a.terms) terms.set(t, c * k);
  return { constant: a.constant * k, terms };
};

function sum(a: Linear, b: Linear, sign: number): Linear {
  const terms = new Map(a.terms);
  for (const [t, c] of b.terms) {
    const total = (terms.get(t) ?? 0) + sign * c;
    if (total === 0) terms.delete(t);
    else terms.set(t, total);
  }
  return { constant: a.constant + sign * b.constant, terms };
}

function combine(e: Expr, of: (s: Expr) => Linear): Linear {
  if (e.op === 'const') return { constant: Number(e.arg), terms: new Map() };
  if (e.op === 'add') return sum(of(e.src[0]), of(e.src[1]), 1);
  if (e.op === 'sub') return sum(of(e.src[0]), of(e.src[1]), -1);
  if (e.op === 'neg') return scaled(of(e.src[0]), -1);
  if (e.op === 'mul') {
    const [a, b] = [of(e.src[0]), of(e.src[1])];
    if (a.terms.size === 0) return scaled(b, a.constant);
    if (b.terms.size === 0) return scaled(a, b.constant);
  }
  return { constant: 0, terms: new Map([[e, 1]]) };
}

/** The linear form of an i32 index (values are assumed not to wrap, as indices in range do not). */
export function linearise(e: Expr): Linear {
  const forms = new Map<Expr, Linear>();
  for (const n of postorder([e])) {
    if (n.dtype === 'i32')
      forms.set(
        n,
        combine(n, (s) => forms.get(s)!),
      );
  }
  return forms.get(e)!;
}

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

/** Whether two forms have the same terms, coefficients and constant. */
export function sameLinear(a: Linear, b: Linear): boolean {
  if (a.constant !== b.constant || a.terms.size !== b.terms.size) return false;
  for (const [t, c] of a.terms) if (b.terms.get(t) !== c) return false;
  return true;
}
