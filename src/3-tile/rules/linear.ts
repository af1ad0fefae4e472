// Linear forms of index arithmetic: sums of integer multiples of other expressions plus a constant,
// with one way of writing each. Addition and multiplication wrap, so collecting terms is exact; where
// a form is read as a true integer (division), its range must fit the type first.
import { add, type ComputeType, constant, type Expr, mul, neg, sub } from '../expr.ts';
import { fits, type Interval, type Ranges } from '../range.ts';

export interface Linear {
  readonly dtype: ComputeType;
  /** No zero coefficients. */
  readonly terms: ReadonlyMap<Expr, number>;
  readonly constant: number;
}

/** Longer sums are left as they are written. */
const MAX_NODES = 128;

export const isLinearType = (e: Expr): boolean => (e.dtype === 'i32' || e.dtype === 'i64') && e.lanes === 1;

/** The value of an integer constant, if it is safe. */
export function intOf(e: Expr): number | undefined {
  if (e.op !== 'const' || e.dtype === 'f32' || e.dtype === 'f64') return undefined;
  const v = Number(e.arg);
  return Number.isSafeInteger(v) ? v : undefined;
}

/** The factor and the rest of a product with a constant, or of a shift by one. */
function scaled(e: Expr): { x: Expr; by: number } | undefined {
  if (e.op === 'neg') return { x: e.src[0], by: -1 };
  if (e.op === 'shl') {
    const n = intOf(e.src[1]);
    return n !== undefined && n >= 0 && n < 31 ? { x: e.src[0], by: 2 ** n } : undefined;
  }
  if (e.op !== 'mul') return undefined;
  const [a, b] = e.src;
  const right = intOf(b);
  if (right !== undefined) return { x: a, by: right };
  const left = intOf(a);
  return left === undefined ? undefined : { x: b, by: left };
}

/** The linear form, or undefined when it is too long or its numbers are not safe. */
export function linearOf(root: Expr): Linear | undefined {
  const terms = new Map<Expr, number>();
  let sum = 0;
  const stack: { e: Expr; by: number }[] = [{ e: root, by: 1 }];
  let visits = 0;
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { e, by } = top;
    if (++visits > MAX_NODES || !Number.isSafeInteger(by)) return undefined;
    const known = e.op === 'const' ? intOf(e) : undefined;
    if (e.op === 'const' && known === undefined) return undefined;
    const product = known === undefined ? scaled(e) : undefined;
    if (known !== undefined) sum += by * known;
    else if (e.op === 'add' || e.op === 'sub') {
      stack.push({ e: e.src[1], by: e.op === 'add' ? by : -by }, { e: e.src[0], by });
    } else if (product) stack.push({ e: product.x, by: by * product.by });
    else terms.set(e, (terms.get(e) ?? 0) + by);
    if (!Number.isSafeInteger(sum)) return undefined;
  }
  return wrapped(root.dtype, terms, sum);
}

/** Coefficients brought into the type's range; zero terms dropped. */
function wrapped(t: ComputeType, terms: ReadonlyMap<Expr, number>, sum: number): Linear | undefined {
  const kept = new Map<Expr, number>();
  for (const [e, k] of terms) {
    if (!Number.isSafeInteger(k)) return undefined;
    const c = t === 'i32' ? Number(BigInt.asIntN(32, BigInt(k))) : k;
    if (c !== 0) kept.set(e, c);
  }
  return { dtype: t, terms: kept, constant: t === 'i32' ? Number(BigInt.asIntN(32, BigInt(sum))) : sum };
}

/** The sum written canonically: larger strides first, a positive term first, the constant last. */
export function fromLinear({ dtype, terms, constant: c }: Linear): Expr {
  const ordered = [...terms].sort(([a, i], [b, j]) => Math.abs(j) - Math.abs(i) || compareExprs(a, b));
  const first = ordered.findIndex(([, k]) => k > 0);
  const number = (v: number): Expr => constant(dtype, dtype === 'i64' ? BigInt(v) : v);
  if (ordered.length === 0) return number(c);
  const times = (e: Expr, k: number): Expr => (k === 1 ? e : mul(e, number(k)));
  let sum: Expr | null = null;
  if (first >= 0) sum = times(...(ordered.splice(first, 1)[0] as [Expr, number]));
  else if (c !== 0) sum = number(c);
  const subtracted = (k: number): boolean => k < 0 && !(dtype === 'i32' && k === -(2 ** 31));
  for (const [e, k] of ordered) {
    if (sum === null) sum = k === -1 ? neg(e) : times(e, k);
    else sum = subtracted(k) ? sub(sum, times(e, -k)) : add(sum, times(e, k));
  }
  if (first < 0 || c === 0) return sum!;
  return subtracted(c) ? sub(sum!, number(-c)) : add(sum!, number(c));
}

/** Bounds of the form as a true integer; undefined when it may leave its type. */
export function linearRange({ dtype, terms, constant: c }: Linear, ranges: Ranges): Interval | undefined {
  let lo = c;
  let hi = c;
  for (const [e, k] of terms) {
    const r = ranges.of(e)!;
    lo += k > 0 ? k * r[0] : k * r[1];
    hi += k > 0 ? k * r[1] : k * r[0];
    if (!Number.isSafeInteger(lo) || !Number.isSafeInteger(hi)) return undefined;
  }
  return fits(dtype, [lo, hi]) ? [lo, hi] : undefined;
}

const STRUCTURE_DEPTH = 5;
const LEAF_ORDER: Partial<Record<Expr['op'], number>> = { axis: 0, local: 1, acc: 2, elem: 3, const: 9 };

/** A fixed order of expressions by structure; by age only where structure down to a depth agrees. */
export function compareExprs(a: Expr, b: Expr, depth = STRUCTURE_DEPTH): number {
  if (a === b) return 0;
  const rank = (LEAF_ORDER[a.op] ?? 5) - (LEAF_ORDER[b.op] ?? 5);
  if (rank !== 0) return rank;
  if (a.op !== b.op) return a.op < b.op ? -1 : 1;
  const arg = compareArgs(a.arg, b.arg);
  if (arg !== 0) return arg;
  if (depth > 0) {
    for (let i = 0; i < Math.min(a.src.length, b.src.length); i++) {
      const c = compareExprs(a.src[i], b.src[i], depth - 1);
      if (c !== 0) return c;
    }
  }
  return a.id - b.id;
}

function compareArgs(a: unknown, b: unknown): number {
  if (a === b || a === null || b === null) return 0;
  if (typeof a === 'object') return (a as { id: number }).id - (b as { id: number }).id;
  return (a as number) < (b as number) ? -1 : 1;
}

/** a (y % c) + a c (y / c) = a y, anywhere in the sum; `quotient` writes y / c. Undefined: no such pair. */
export function joinDivRem(l: Linear, quotient: (y: Expr, c: number) => Expr): Linear | undefined {
  for (const [e, a] of l.terms) {
    const c = e.op === 'rem' ? intOf(e.src[1]) : undefined;
    if (c === undefined || c <= 0) continue;
    const y = e.src[0];
    const whole = linearOf(y);
    const divided = linearOf(quotient(y, c));
    if (!whole || !divided || divided.terms.size === 0) continue;
    const sum = new Map(l.terms);
    sum.delete(e);
    const present = [...divided.terms].every(([t, k]) => sum.get(t) === a * c * k);
    if (!present) continue;
    for (const t of divided.terms.keys()) sum.delete(t);
    for (const [t, k] of whole.terms) sum.set(t, (sum.get(t) ?? 0) + a * k);
    return wrapped(l.dtype, sum, l.constant + a * (whole.constant - c * divided.constant));
  }
  return undefined;
}
