// An evaluator of scalar expressions that shares no code with the interpreter: every node becomes an
// array over many points at once. In: an expression over some leaves and their values. Out: the
// values of the expression. Also sample points over all exponents, and errors in units of the last
// place.
import { BITS, parts, toNumber } from '../../scripts/big-real.ts';
import type { ComputeType, Expr } from '../../src/3-tile/expr.ts';
import { walkExpr } from '../../src/3-tile/rewrite.ts';

export type Column =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Uint8Array;

const ARRAYS = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
} as const;

export const column = (t: ComputeType, n: number): Column => new ARRAYS[t](n);

type Any = number & bigint;
type F = (a: Any, b: Any, c: Any) => number | bigint | boolean;

const even = (x: number): number => {
  if (!Number.isFinite(x) || Math.abs(x) > 2 ** 52) return x;
  const down = Math.floor(x);
  const up = x - down > 0.5 || (x - down === 0.5 && down % 2 !== 0);
  const r = up ? down + 1 : down;
  return r === 0 && (x < 0 || Object.is(x, -0)) ? -0 : r;
};
const clamp = (x: number, lo: number, hi: number): number =>
  Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), lo), hi);
const big = (x: Any): bigint => BigInt(x);

const FLOAT: Record<string, F> = {
  // One rounding for operands near 1, which is where functions scale.
  ldexp: (a, b) => a * 2 ** Math.floor(b / 2) * 2 ** (b - Math.floor(b / 2)),
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  sqrt: (a) => Math.sqrt(a),
  floor: (a) => Math.floor(a),
  ceil: (a) => Math.ceil(a),
  trunc: (a) => Math.trunc(a),
  nearest: (a) => even(a),
  rem: (a, b) => a % b,
  isnan: (a) => Number.isNaN(a),
  isinf: (a) => Math.abs(a) === Infinity,
};
const COMPARE: Record<string, F> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};
const INT32: Record<string, F> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => Math.imul(a, b),
  div: (a, b) => (Number(b) === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (Number(b) === 0 ? 0 : a % b),
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  neg: (a) => -a,
  abs: (a) => Math.abs(a),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
};
const INT64: Record<string, F> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (big(b) === 0n ? 0n : a / b),
  rem: (a, b) => (big(b) === 0n ? 0n : a % b),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  neg: (a) => -a,
  abs: (a) => (a < 0n ? -a : a),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  shl: (a, b) => big(a) << (big(b) & 63n),
  shr: (a, b) => big(a) >> (big(b) & 63n),
};
const BOOL: Record<string, F> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => 1 - a,
  add: (a, b) => a | b,
  mul: (a, b) => a & b,
  min: (a, b) => a & b,
  max: (a, b) => a | b,
};
const UINT32: Record<string, F> = { ...INT32, shr: (a, b) => a >>> b };
const TABLES: Record<ComputeType, Record<string, F>> = {
  f32: FLOAT,
  f64: FLOAT,
  i32: INT32,
  u32: UINT32,
  i64: INT64,
  u64: INT64,
  bool: BOOL,
};

const isBig = (t: ComputeType): boolean => t === 'i64' || t === 'u64';
const RANGE: Partial<Record<ComputeType, [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
};

function converter(from: ComputeType, to: ComputeType): F {
  if (to === 'bool') return (a) => a !== 0 && big(a) !== 0n;
  const float = from === 'f32' || from === 'f64';
  if (isBig(to)) {
    const [lo, hi] = to === 'i64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
    if (!float) return (a) => big(a);
    return (a) => {
      if (Number.isNaN(a)) return 0n;
      if (Number(a) >= Number(hi)) return hi;
      return Number(a) <= Number(lo) ? lo : BigInt(Math.trunc(a));
    };
  }
  const range = RANGE[to];
  if (range && float) return (a) => clamp(a, range[0], range[1]);
  return (a) => (range ? Number(BigInt.asIntN(32, big(a))) : Number(a));
}

/**
 * Values of `root` at `n` points; `leaves` gives a column per leaf expression. Scalars only. `fused`:
 * sums with a product are rounded once, as compilers may do.
 */
export function evaluate(root: Expr, leaves: ReadonlyMap<Expr, Column>, n: number, fused = false): Column {
  const values = new Map<Expr, Column>(leaves);
  for (const e of walkExpr(root)) {
    if (!values.has(e)) values.set(e, (fused && fusedNode(e, values, n)) || node(e, values, n));
  }
  return values.get(root)!;
}

/** a b + c with one rounding; in f32 the sum of doubles is rounded twice, which hardly ever shows. */
function fusedSum(t: ComputeType, a: number, b: number, c: number): number {
  const plain = a * b + c;
  if (t === 'f32' || !Number.isFinite(plain) || a === 0 || b === 0) return plain;
  const [x, y, z] = [parts(a), parts(b), parts(c)];
  const low = Math.min(x.e + y.e, z.e);
  const sum = ((x.m * y.m) << BigInt(x.e + y.e - low)) + (z.m << BigInt(z.e - low));
  return sum === 0n ? plain : toNumber(sum << BITS, low);
}

/** A sum or difference with a product, or undefined. */
function fusedNode(e: Expr, values: ReadonlyMap<Expr, Column>, n: number): Column | undefined {
  if ((e.op !== 'add' && e.op !== 'sub') || (e.dtype !== 'f32' && e.dtype !== 'f64')) return undefined;
  const at = e.src.findIndex((s) => s.op === 'mul');
  if (at < 0) return undefined;
  const [a, b] = e.src[at].src.map((s) => values.get(s) as Float64Array);
  const c = values.get(e.src[1 - at]) as Float64Array;
  const [product, rest] = e.op === 'add' ? [1, 1] : at === 0 ? [1, -1] : [-1, 1];
  const out = column(e.dtype, n);
  for (let i = 0; i < n; i++) out[i] = fusedSum(e.dtype, product * a[i], b[i], rest * c[i]);
  return out;
}

/** c + Σ aᵢ·bᵢ over the halves or bytes of 32 bits, those of `a` unsigned if they are bytes. */
function dotOf(parts: 2 | 4, ...[a, b, c]: readonly Any[]): number {
  const words = new Int32Array([a, b]);
  const [x, y] =
    parts === 2 ? [new Int16Array(words.buffer), null] : [new Uint8Array(words.buffer), new Int8Array(words.buffer)];
  let sum = BigInt(c);
  for (let i = 0; i < parts; i++) sum += BigInt(x[i]) * BigInt((y ?? x)[parts + i]);
  return Number(BigInt.asIntN(32, sum));
}

function node(e: Expr, values: ReadonlyMap<Expr, Column>, n: number): Column {
  const out = column(e.dtype, n);
  const [a, b, c] = e.src.map((s) => values.get(s) as unknown as Any[]);
  if (e.op === 'const') {
    (out as Float64Array).fill(e.arg as number);
    return out;
  }
  if (e.op === 'bitcast') {
    const bytes = a as unknown as Column;
    return new ARRAYS[e.dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, n);
  }
  if (e.op === 'select') {
    for (let i = 0; i < n; i++) out[i] = a[i] ? b[i] : c[i];
    return out;
  }
  if (e.op === 'dot') {
    for (let i = 0; i < n; i++) out[i] = dotOf(e.arg as 2 | 4, a[i], b[i], c[i]);
    return out;
  }
  const from = e.src[0].dtype;
  const f = e.op === 'cast' ? converter(from, e.dtype) : (COMPARE[e.op] ?? TABLES[from][e.op]);
  if (!f) throw new Error(`no evaluation of ${e.op} on ${from}`);
  for (let i = 0; i < n; i++) out[i] = f(a[i], b?.[i], c?.[i]) as never;
  return out;
}

/** Deterministic 32-bit generator (xorshift). */
export function random(seed: number): () => number {
  let x = seed | 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

export const SPECIAL_F32 = [
  0,
  -0,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  -(2 ** -126),
  2 ** -126 - 2 ** -149,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  1 - 2 ** -24,
  1 + 2 ** -23,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  Infinity,
  -Infinity,
  NaN,
];
export const SPECIAL_F64 = [
  0,
  -0,
  2 ** -1074,
  -(2 ** -1074),
  2 ** -1022,
  -(2 ** -1022),
  2 ** -1022 - 2 ** -1074,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  1 - 2 ** -53,
  1 + 2 ** -52,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Infinity,
  -Infinity,
  NaN,
];

/** Random bit patterns (all exponents alike), random values between lo and hi, and special values. */
export function samples(
  t: 'f32' | 'f64',
  count: number,
  lo: number,
  hi: number,
  seed = 1,
): Float32Array | Float64Array {
  const next = random(seed);
  const special = t === 'f32' ? SPECIAL_F32 : SPECIAL_F64;
  const out = t === 'f32' ? new Float32Array(count) : new Float64Array(count);
  const bits = new Uint32Array(out.buffer);
  const words = t === 'f32' ? 1 : 2;
  for (let i = 0; i < count; i++) {
    if (i < special.length) out[i] = special[i];
    else if (i % 2 === 0) for (let w = 0; w < words; w++) bits[i * words + w] = next();
    else out[i] = lo + (hi - lo) * ((next() + next() / 2 ** 32) / 2 ** 32);
  }
  return out;
}

/** |got - want| in units of the last place of `want`, which is more precise; special values must match. */
export function ulps(t: 'f32' | 'f64', got: number, want: number): number {
  const rounded = t === 'f32' ? Math.fround(want) : want;
  if (Number.isNaN(want) || Number.isNaN(got)) return Number.isNaN(want) === Number.isNaN(got) ? 0 : Infinity;
  if (rounded === got) return rounded === 0 && Object.is(rounded, -0) !== Object.is(got, -0) ? Infinity : 0;
  if (Math.abs(want) === Infinity) return Infinity;
  const [mantissa, minE] = t === 'f32' ? [23, -126] : [52, -1022];
  if (Math.abs(got) === Infinity) {
    // The first number too large for the type stands in for infinity.
    const over = t === 'f32' ? 2 ** 128 : Infinity;
    return Math.abs(over - Math.abs(want)) / 2 ** 104;
  }
  const e = Math.max(Math.floor(Math.log2(Math.abs(want))), minE);
  return Math.abs(got - want) / 2 ** (e - mantissa);
}
