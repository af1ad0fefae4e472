// Linear forms of index arithmetic: sums of multiples of other expressions plus a constant, one way of writing each, and
// their division by a constant, which makes reshapes, transposes and concatenations of indices vanish. Sums wrap, so
// collecting terms is exact; where a form is read as a true integer (division), its range must fit the type first.
import { add, type ComputeType, constant, div, type Expr, mul, neg, rem, sub } from '../expr.ts';
import { fits, type Interval, type Ranges } from '../range.ts';

/** No coefficient is zero. */
export type Linear = Readonly<{ dtype: ComputeType; terms: ReadonlyMap<Expr, number>; constant: number }>;

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
export function linearOf(root: Expr, most = MAX_NODES): Linear | undefined {
  const terms = new Map<Expr, number>();
  let sum = 0;
  const stack: { e: Expr; by: number }[] = [{ e: root, by: 1 }];
  let visits = 0;
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { e, by } = top;
    if (++visits > most || !Number.isSafeInteger(by)) return undefined;
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
  const wrap = (k: number): number => (t === 'i32' ? k | 0 : k);
  for (const [e, k] of terms) {
    if (!Number.isSafeInteger(k)) return undefined;
    if (wrap(k) !== 0) kept.set(e, wrap(k));
  }
  return { dtype: t, terms: kept, constant: wrap(sum) };
}

/** The sum written canonically: larger strides first, a positive term first, the constant last. */
export function fromLinear({ dtype, terms, constant: c }: Linear): Expr {
  const ordered = [...terms].sort(([a, i], [b, j]) => Math.abs(j) - Math.abs(i) || compareExprs(a, b));
  const first = ordered.findIndex(([, k]) => k > 0);
  const number = (v: number): Expr => constant(dtype, v);
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

export type Divided = Readonly<{ quotient: Expr; remainder: Expr }>;

function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return Math.abs(a);
}

/** The parts of l = c q + r with 0 <= coefficients of r < c. */
function splitBy(l: Linear, c: number): { q: Linear; r: Linear } {
  const [q, r] = [new Map<Expr, number>(), new Map<Expr, number>()];
  for (const [e, k] of l.terms) {
    const whole = Math.floor(k / c);
    if (whole !== 0) q.set(e, whole);
    if (k - whole * c !== 0) r.set(e, k - whole * c);
  }
  const whole = Math.floor(l.constant / c);
  return { q: { ...l, terms: q, constant: whole }, r: { ...l, terms: r, constant: l.constant - whole * c } };
}

/** n / c and n % c rewritten, or undefined where nothing is known to help. */
export function divide(n: Expr, c: number, ranges: Ranges): Divided | undefined {
  const l = linearOf(n);
  const range = l && linearRange(l, ranges);
  if (!range) return undefined;
  const { q, r } = splitBy(l, c);
  if (r.terms.size === 0 && r.constant === 0) return { quotient: fromLinear(q), remainder: constant(l.dtype, 0) };
  if (range[0] < 0) return undefined;
  const rest = linearRange(r, ranges);
  if (!rest || rest[0] < 0) return undefined;
  if (rest[1] < c) return linearRange(q, ranges) && { quotient: fromLinear(q), remainder: fromLinear(r) };
  const inner = reduceFraction(r, c, ranges);
  if (!inner && q.terms.size === 0 && q.constant === 0) return undefined;
  const { quotient, remainder } = inner ?? plain(r, c);
  return { quotient: fromLinear(plus(q, [[quotient, 1]])), remainder };
}

/** The form with more terms, as often as `times` says. */
export function plus(l: Linear, more: Iterable<readonly [Expr, number]>, times = 1): Linear {
  const terms = new Map(l.terms);
  for (const [e, k] of more) terms.set(e, (terms.get(e) ?? 0) + k * times);
  for (const [e, k] of terms) if (k === 0) terms.delete(e);
  return { ...l, terms };
}

function plain(r: Linear, c: number): Divided {
  const [x, by] = [fromLinear(r), constant(r.dtype, c)];
  return { quotient: div(x, by), remainder: rem(x, by) };
}

/** r = g m + s, 0 <= s < g, for the largest such g that divides c: r / c = m / (c / g), r % c = g (m % (c / g)) + s. */
function reduceFraction(r: Linear, c: number, ranges: Ranges): Divided | undefined {
  const candidates = new Set([...r.terms.values()].map((k) => gcd(k, c)));
  for (const g of [...candidates].sort((a, b) => b - a)) {
    if (g <= 1) return undefined;
    const [m, s] = [new Map<Expr, number>(), new Map<Expr, number>()];
    for (const [e, k] of r.terms) {
      if (k % g === 0) m.set(e, k / g);
      else s.set(e, k);
    }
    const small = { ...r, terms: s, constant: r.constant % g };
    const large = { ...r, terms: m, constant: Math.floor(r.constant / g) };
    const smallRange = linearRange(small, ranges);
    const largeRange = linearRange(large, ranges);
    if (!smallRange || smallRange[0] < 0 || smallRange[1] >= g) continue;
    if (!largeRange || largeRange[0] < 0 || !fits(r.dtype, [0, c])) continue;
    const inner = c === g ? { quotient: fromLinear(large), remainder: constant(r.dtype, 0) } : plain(large, c / g);
    const rest = linearOf(inner.remainder)!;
    const scaled = plus({ ...r, terms: new Map(), constant: rest.constant * g + small.constant }, rest.terms, g);
    return { quotient: inner.quotient, remainder: fromLinear(plus(scaled, small.terms)) };
  }
  return undefined;
}
