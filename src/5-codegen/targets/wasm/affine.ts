// Flat element indices as sums of multiples, and the ranges of their parts. In: index expressions of
// a kernel. Out: terms and a constant, so that accesses that differ by a constant share one address;
// and bounds, to know which sums cannot be negative.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { hull, type Interval, Ranges } from '../../../3-tile/range.ts';
import { type Kernel, walkStmts } from '../../../3-tile/task.ts';

/** Σ coefficient · leaf + constant, modulo 2^32. */
export interface Affine {
  readonly terms: ReadonlyMap<Expr, number>;
  readonly constant: number;
  /** Equal for sums with equal terms. */
  readonly key: string;
}

/** A sum with more parts than this stays one leaf. */
const MAX_PARTS = 256;

const sums = new WeakMap<Expr, Affine>();

/** The sum of an index; computed once per expression. */
export function affine(index: Expr): Affine {
  let found = sums.get(index);
  if (!found) sums.set(index, (found = sumOf(index)));
  return found;
}

type Part = Readonly<{ e: Expr; by: number }>;

function sumOf(index: Expr): Affine {
  const terms = new Map<Expr, number>();
  const pending: Part[] = [{ e: index, by: 1 }];
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
  const key = [...terms].map(([e, by]) => [e.id, by] as const).sort((a, b) => a[0] - b[0]);
  return { terms, constant, key: key.join(';') };
}

/** The two sides of a sum, the last one first, or the other side of a constant multiple; null for a leaf. */
function splitSum({ op, src: [a, b] }: Expr, by: number): Part[] | null {
  const times = (e: Expr, factor: Expr): Part[] | null =>
    factor.op === 'const' ? [{ e, by: Math.imul(by, Number(factor.arg)) }] : null;
  if (op === 'add' || op === 'sub')
    return [
      { e: b, by: op === 'sub' ? -by | 0 : by },
      { e: a, by },
    ];
  if (op === 'neg') return [{ e: a, by: -by | 0 }];
  if (op === 'mul') return times(a, b) ?? times(b, a);
  return op === 'shl' && b.op === 'const' ? [{ e: a, by: by << Number(b.arg) }] : null;
}

/** Ranges of the i32 scalars of a kernel: indices of its loops are between their bounds. */
export function rangesOf(kernel: Kernel): Ranges {
  const assigned = new Set<Local>();
  walkStmts(kernel.body, (s) => s.kind === 'set' && assigned.add(s.local));
  const indices = new Map<Local, Interval>();
  walkStmts(kernel.body, (s) => {
    if (s.kind !== 'for' || assigned.has(s.index)) return;
    const ranges = new Ranges(indices);
    const from = ranges.of(s.from)![0];
    const range: Interval = [from, Math.max(ranges.of(s.to)![1] - 1, from)];
    const before = indices.get(s.index);
    indices.set(s.index, before ? hull(before, range) : range);
  });
  return new Ranges(indices);
}

/** Whether the terms of a sum, the constant left out, can neither be negative nor leave an i32. */
export function isNonNegative(sum: Affine, ranges: Ranges): boolean {
  let [lo, hi] = [0, 0];
  for (const [leaf, by] of sum.terms) {
    const r = ranges.of(leaf)!;
    lo += by * r[by > 0 ? 0 : 1];
    hi += by * r[by > 0 ? 1 : 0];
  }
  return lo >= 0 && hi < 2 ** 31;
}
