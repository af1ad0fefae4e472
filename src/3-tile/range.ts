// Interval analysis of integer and bool expressions. In: extents of axes, ranges of locals, facts. Out: bounds
// that every value keeps, exact in safe integers; the type's whole range where a result may leave it, so that it wraps.
import { dtypeInfo, intRange } from '../ir/dtype.ts';
import { postOrder, type Seen } from '../support/rewrite.ts';
import { type ComputeType, type Expr, isLoad, type Local, type Op, perOp, ROUNDINGS } from './expr.ts';

/** Both ends included; infinite where a 64-bit value is not bounded by safe integers. */
export type Interval = readonly [lo: number, hi: number];

const WHOLE: Partial<Record<ComputeType, Interval>> = {
  bool: [0, 1],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  i64: [-Infinity, Infinity],
  u64: [0, Infinity],
};

/** The range of a type: undefined for floats. */
export const typeRange = (t: ComputeType): Interval | undefined => WHOLE[t];
export const isIntegral = (t: ComputeType): boolean => t !== 'f32' && t !== 'f64';

/** Whether every integer in the interval is a value of the type, and safe. */
export function fits(t: ComputeType, [lo, hi]: Interval): boolean {
  const whole = WHOLE[t]!;
  return lo >= whole[0] && hi <= whole[1] && Number.isSafeInteger(lo) && Number.isSafeInteger(hi);
}

export const hull = (a: Interval, b: Interval): Interval => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
const bounded = (a: Interval): boolean => Number.isFinite(a[0]) && Number.isFinite(a[1]);
const corners = (f: (x: number, y: number) => number, a: Interval, b: Interval): Interval => {
  const all = [f(a[0], b[0]), f(a[0], b[1]), f(a[1], b[0]), f(a[1], b[1])];
  return [Math.min(...all), Math.max(...all)];
};

/** Undefined: no better bound than the type. */
type Bound2 = (a: Interval, b: Interval) => Interval | undefined;

function divide(a: Interval, b: Interval): Interval {
  if (b[0] > 0 || b[1] < 0) return corners((x, y) => Math.trunc(x / y), a, b);
  const most = Math.max(Math.abs(a[0]), Math.abs(a[1]));
  return [a[0] >= 0 && b[0] >= 0 ? 0 : -most, most];
}

function remainder(a: Interval, b: Interval): Interval {
  const most = Math.max(Math.abs(b[0]), Math.abs(b[1]), 1) - 1;
  const lo = a[0] >= 0 ? 0 : Math.max(a[0], -most);
  return [lo, a[1] <= 0 ? 0 : Math.min(a[1], most)];
}

function bitwiseAnd(a: Interval, b: Interval): Interval | undefined {
  if (a[0] >= 0 && b[0] >= 0) return [0, Math.min(a[1], b[1])];
  if (a[0] >= 0) return [0, a[1]];
  return b[0] >= 0 ? [0, b[1]] : undefined;
}

function bitwiseOr(a: Interval, b: Interval): Interval | undefined {
  const most = Math.max(a[1], b[1]);
  return a[0] < 0 || b[0] < 0 || most >= 2 ** 32 ? undefined : [0, 2 ** (32 - Math.clz32(most)) - 1];
}

function shifted(a: Interval, b: Interval, by: (x: number, factor: number) => number): Interval | undefined {
  if (b[0] !== b[1] || b[0] < 0 || b[0] >= 32) return undefined;
  return [by(a[0], 2 ** b[0]), by(a[1], 2 ** b[0])];
}

const BINARY: Partial<Record<Op, Bound2>> = {
  add: (a, b) => [a[0] + b[0], a[1] + b[1]],
  sub: (a, b) => [a[0] - b[1], a[1] - b[0]],
  mul: (a, b) => corners((x, y) => x * y, a, b),
  min: (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1])],
  max: (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
  div: divide,
  rem: remainder,
  and: bitwiseAnd,
  or: bitwiseOr,
  xor: bitwiseOr,
  shl: (a, b) => shifted(a, b, (x, factor) => x * factor),
  shr: (a, b) => shifted(a, b, (x, factor) => Math.floor(x / factor)),
};

const decided = (yes: boolean, no: boolean): Interval => (yes ? [1, 1] : no ? [0, 0] : [0, 1]);
/** What ranges say about a comparison: whether it holds. */
export const COMPARE: Partial<Record<Op, (a: Interval, b: Interval) => Interval>> = {
  lt: (a, b) => decided(a[1] < b[0], a[0] >= b[1]),
  le: (a, b) => decided(a[1] <= b[0], a[0] > b[1]),
  gt: (a, b) => decided(a[0] > b[1], a[1] <= b[0]),
  ge: (a, b) => decided(a[0] >= b[1], a[1] < b[0]),
  eq: (a, b) => decided(same(a, b), apart(a, b)),
  ne: (a, b) => decided(apart(a, b), same(a, b)),
};
const same = (a: Interval, b: Interval): boolean => a[0] === a[1] && b[0] === b[1] && a[0] === b[0];
const apart = (a: Interval, b: Interval): boolean => a[1] < b[0] || b[1] < a[0];

const both = (a: Interval, b: Interval): Interval => [a[0] & b[0], a[1] & b[1]];
const either = (a: Interval, b: Interval): Interval => [a[0] | b[0], a[1] | b[1]];
const LOGIC: Partial<Record<Op, (a: Interval, b: Interval) => Interval>> = {
  ...perOp(['and', 'mul', 'min'], () => both),
  ...perOp(['or', 'add', 'max'], () => either),
  xor: (a, b) => (a[0] === a[1] && b[0] === b[1] ? [a[0] ^ b[0], a[0] ^ b[0]] : [0, 1]),
};

function absolute([lo, hi]: Interval): Interval {
  if (lo >= 0) return [lo, hi];
  return hi <= 0 ? [-hi, -lo] : [0, Math.max(-lo, hi)];
}

/** The values a load of this storage type can give. */
function loadRange(e: Expr): Interval | undefined {
  if (!isLoad(e)) return undefined;
  const { bits, kind, name } = dtypeInfo(e.arg.dtype);
  if (bits > 32 || (kind !== 'int' && kind !== 'uint')) return undefined;
  const [lo, hi] = intRange(name);
  return [Number(lo), Number(hi)];
}

/** Operands whose ranges matter for the range of `e`. */
function relevant(e: Expr): readonly Expr[] {
  if (!isIntegral(e.dtype) || e.op === 'load' || e.op === 'bitcast') return [];
  if (e.op === 'guarded') return e.src.slice(-1);
  return e.src.filter((s) => isIntegral(s.dtype));
}

/** Ranges under fixed assumptions; remembers what it has computed. */
export class Ranges {
  private readonly known = new Map<Expr, Interval | undefined>();
  private readonly locals: ReadonlyMap<Local, Interval>;
  /** Facts: bounds of expressions that hold wherever these ranges are used. */
  private readonly facts: ReadonlyMap<Expr, Interval>;

  constructor(locals: ReadonlyMap<Local, Interval> = new Map(), facts: ReadonlyMap<Expr, Interval> = new Map()) {
    this.locals = locals;
    this.facts = facts;
  }

  /** The same assumptions and more facts. */
  with(facts: ReadonlyMap<Expr, Interval>): Ranges {
    const all = new Map(this.facts);
    for (const [e, r] of facts) {
      const old = all.get(e);
      all.set(e, old ? [Math.max(old[0], r[0]), Math.min(old[1], r[1])] : r);
    }
    return new Ranges(this.locals, all);
  }

  /** Bounds of an integer or bool expression; undefined for floats. */
  of(root: Expr): Interval | undefined {
    if (!isIntegral(root.dtype)) return undefined;
    if (!this.known.has(root)) {
      const seen = new Set<Expr>();
      const skipped: Seen<Expr> = { has: (e) => this.known.has(e) || seen.has(e), add: (e) => seen.add(e) };
      // Bottom-up callers know the operands already.
      const order = relevant(root).every((s) => this.known.has(s)) ? [root] : postOrder([root], relevant, skipped);
      for (const e of order) this.known.set(e, this.compute(e));
    }
    return this.known.get(root);
  }

  private compute(e: Expr): Interval | undefined {
    const whole = WHOLE[e.dtype];
    if (!whole) return undefined;
    const bound = this.bound(e);
    const range = bound && !bound.some(Number.isNaN) && inside(whole, bound, e.dtype) ? bound : whole;
    const fact = this.facts.get(e);
    if (!fact) return range;
    const both: Interval = [Math.max(range[0], fact[0]), Math.min(range[1], fact[1])];
    return both[0] <= both[1] ? both : range;
  }

  private bound(e: Expr): Interval | undefined {
    if (e.op === 'const') return [Number(e.arg), Number(e.arg)];
    if (e.op === 'axis') return [0, Math.max(e.arg.extent - 1, 0)];
    if (e.op === 'local') return this.locals.get(e.arg);
    if (e.op === 'load') return loadRange(e);
    if (e.op === 'guarded') return optionalHull(loadRange(e), this.known.get(e.src[e.src.length - 1]));
    if (e.op === 'clz' || e.op === 'popcnt') return [0, 64];
    if (e.op === 'bitcast' || e.src.some((s) => !isIntegral(s.dtype))) return undefined;
    const operands = e.src.map((s) => this.known.get(s)!);
    return combine(e, operands);
  }
}

/** Ops that give one of their operand's values. */
const PASSING: ReadonlySet<Op> = new Set([...ROUNDINGS, 'splat', 'lane']);

function combine(e: Expr, [a, b, c]: readonly Interval[]): Interval | undefined {
  const compare = COMPARE[e.op] ?? (e.dtype === 'bool' ? LOGIC[e.op] : undefined);
  if (compare) return compare(a, b);
  const f = BINARY[e.op];
  if (f) return bounded(a) && bounded(b) ? f(a, b) : halfBounded(e.op, a, b);
  if (PASSING.has(e.op)) return a;
  if (e.op === 'select') return a[0] === a[1] ? (a[0] ? b : c) : hull(b, c);
  if (e.op === 'neg') return [-a[1], -a[0]];
  if (e.op === 'abs') return absolute(a);
  if (e.op === 'not') return e.dtype === 'bool' ? [1 - a[1], 1 - a[0]] : undefined;
  if (e.op === 'cast') return e.dtype === 'bool' ? decided(a[0] > 0 || a[1] < 0, a[0] === 0 && a[1] === 0) : a;
  return e.op === 'ramp' ? [a[0], a[1] + e.lanes - 1] : undefined;
}

const optionalHull = (a?: Interval, b?: Interval): Interval | undefined => (a && b ? hull(a, b) : undefined);

/** min, max and rem say something even when an operand is unbounded. */
function halfBounded(op: Op, a: Interval, b: Interval): Interval | undefined {
  if (op === 'min' || op === 'max') return BINARY[op]!(a, b);
  return op === 'rem' && bounded(b) ? remainder(a, b) : undefined;
}

function inside(whole: Interval, [lo, hi]: Interval, t: ComputeType): boolean {
  if (lo < whole[0] || hi > whole[1]) return false;
  if (t !== 'i64' && t !== 'u64') return true;
  return [lo, hi].every((v) => Math.abs(v) === Infinity || Number.isSafeInteger(v));
}
