// Flat element indices as sums of multiples, and the range of integer expressions. In: index
// expressions of a kernel. Out: terms and a constant, so that accesses that differ by a constant
// share one address; and bounds, to know which sums cannot be negative.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { type Kernel, walkStmts } from '../../../3-tile/task.ts';

/** Σ coefficient · leaf + constant, modulo 2^32. */
export interface Affine {
  readonly terms: ReadonlyMap<Expr, number>;
  readonly constant: number;
  /** Equal for sums with equal terms. */
  readonly key: string;
}

/** Inclusive. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** A sum with more parts than this stays one leaf. */
const MAX_PARTS = 256;
const MAX_INT = 2 ** 31 - 1;
const UNKNOWN: Range = { lo: -(2 ** 31), hi: MAX_INT };

const sums = new WeakMap<Expr, Affine>();

/** The sum of an index; computed once per expression. */
export function affine(index: Expr): Affine {
  let found = sums.get(index);
  if (!found) sums.set(index, (found = sumOf(index)));
  return found;
}

function keyOf(terms: ReadonlyMap<Expr, number>): string {
  const parts = [...terms].map(([e, by]) => [e.id, by] as const);
  return parts.sort((a, b) => a[0] - b[0]).join(';');
}

function sumOf(index: Expr): Affine {
  const terms = new Map<Expr, number>();
  const pending: { e: Expr; by: number }[] = [{ e: index, by: 1 }];
  let constant = 0;
  let parts = 0;
  for (let top = pending.pop(); top; top = pending.pop()) {
    if (++parts > MAX_PARTS) return { terms: new Map([[index, 1]]), constant: 0, key: `${index.id}` };
    const { e, by } = top;
    const split = splitSum(e, by);
    if (split) pending.push(...split);
    else if (e.op === 'const') constant = (constant + Math.imul(Number(e.arg), by)) | 0;
    else {
      const sum = ((terms.get(e) ?? 0) + by) | 0;
      if (sum === 0) terms.delete(e);
      else terms.set(e, sum);
    }
  }
  return { terms, constant, key: keyOf(terms) };
}

/** The two sides of a sum, or the other side of a constant multiple; null for a leaf. */
function splitSum(e: Expr, by: number): { e: Expr; by: number }[] | null {
  const [a, b] = e.src;
  switch (e.op) {
    case 'add':
      return [
        { e: b, by },
        { e: a, by },
      ];
    case 'sub':
      return [
        { e: b, by: -by | 0 },
        { e: a, by },
      ];
    case 'neg':
      return [{ e: a, by: -by | 0 }];
    case 'mul': {
      if (b.op === 'const') return [{ e: a, by: Math.imul(by, Number(b.arg)) }];
      return a.op === 'const' ? [{ e: b, by: Math.imul(by, Number(a.arg)) }] : null;
    }
    case 'shl':
      return b.op === 'const' ? [{ e: a, by: by << Number(b.arg) }] : null;
    default:
      return null;
  }
}

type Rule = (a: Range, b: Range) => Range;
const nonNegative = (r: Range): boolean => r.lo >= 0;

function corners(a: Range, b: Range, f: (x: number, y: number) => number): Range {
  const xs = [f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)];
  return { lo: Math.min(...xs), hi: Math.max(...xs) };
}

const RULES: Partial<Record<Expr['op'], Rule>> = {
  add: (a, b) => ({ lo: a.lo + b.lo, hi: a.hi + b.hi }),
  sub: (a, b) => ({ lo: a.lo - b.hi, hi: a.hi - b.lo }),
  mul: (a, b) => corners(a, b, (x, y) => x * y),
  min: (a, b) => ({ lo: Math.min(a.lo, b.lo), hi: Math.min(a.hi, b.hi) }),
  max: (a, b) => ({ lo: Math.max(a.lo, b.lo), hi: Math.max(a.hi, b.hi) }),
  div: (a, b) => (b.lo >= 1 ? corners(a, b, (x, y) => Math.trunc(x / y)) : UNKNOWN),
  rem: (a, b) => {
    if (b.lo < 1) return UNKNOWN;
    const most = b.hi - 1;
    return {
      lo: nonNegative(a) ? 0 : Math.max(a.lo, -most),
      hi: Math.max(0, Math.min(a.hi, most)),
    };
  },
  shl: (a, b) => (b.lo === b.hi && nonNegative(b) ? corners(a, b, (x, y) => x * 2 ** (y & 31)) : UNKNOWN),
  shr: (a, b) => (nonNegative(a) && nonNegative(b) && b.hi < 32 ? { lo: 0, hi: a.hi } : UNKNOWN),
  and: (a, b) =>
    nonNegative(a) || nonNegative(b)
      ? {
          lo: 0,
          hi: nonNegative(a) && nonNegative(b) ? Math.min(a.hi, b.hi) : nonNegative(a) ? a.hi : b.hi,
        }
      : UNKNOWN,
};

/** Ranges of i32 scalars of one kernel. */
export class Ranges {
  private readonly known = new Map<Expr, Range>();
  private readonly indices = new Map<Local, Range>();

  constructor(kernel: Kernel) {
    const assigned = new Set<Local>();
    walkStmts(kernel.body, (s) => {
      if (s.kind === 'set') assigned.add(s.local);
    });
    walkStmts(kernel.body, (s) => {
      if (s.kind !== 'for') return;
      const range = {
        lo: this.of(s.from).lo,
        hi: Math.max(this.of(s.to).hi - 1, this.of(s.from).lo),
      };
      const before = this.indices.get(s.index);
      const lo = Math.min(range.lo, before?.lo ?? range.lo);
      const hi = Math.max(range.hi, before?.hi ?? range.hi);
      this.indices.set(s.index, assigned.has(s.index) ? UNKNOWN : { lo, hi });
      if (before) this.known.clear();
    });
    this.known.clear();
  }

  of(root: Expr): Range {
    const stack = [root];
    while (stack.length > 0) {
      const e = stack[stack.length - 1];
      const pending = this.known.has(e) || !this.hasRule(e) ? [] : e.src.filter((s) => !this.known.has(s));
      if (pending.length > 0) stack.push(...pending);
      else {
        stack.pop();
        if (!this.known.has(e)) this.known.set(e, this.compute(e));
      }
    }
    return this.known.get(root)!;
  }

  /** Smallest value of the terms of a sum, the constant left out; -2^31 when unknown. */
  least(sum: Affine): number {
    let lo = 0;
    let hi = 0;
    for (const [leaf, by] of sum.terms) {
      const r = this.of(leaf);
      lo += by > 0 ? r.lo * by : r.hi * by;
      hi += by > 0 ? r.hi * by : r.lo * by;
    }
    return lo >= UNKNOWN.lo && hi <= MAX_INT ? lo : UNKNOWN.lo;
  }

  private hasRule(e: Expr): boolean {
    return e.dtype === 'i32' && e.lanes === 1 && (e.op in RULES || e.op === 'select');
  }

  private compute(e: Expr): Range {
    if (e.op === 'const' && e.dtype === 'i32') return { lo: Number(e.arg), hi: Number(e.arg) };
    if (e.op === 'local') return this.indices.get(e.arg) ?? UNKNOWN;
    if (!this.hasRule(e)) return UNKNOWN;
    const [a, b, c] = e.src.map((s) => this.known.get(s)!);
    const r = e.op === 'select' ? { lo: Math.min(b.lo, c.lo), hi: Math.max(b.hi, c.hi) } : RULES[e.op]!(a, b);
    return r.lo >= UNKNOWN.lo && r.hi <= MAX_INT ? r : UNKNOWN;
  }
}
