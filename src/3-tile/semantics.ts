// The meaning of every scalar op on JS values, one table per compute type: the interpreter and constant folding share
// it, so that "what an expression means" is written once; and the real functions that Math lacks, in f64.
import { type DType, intRange, isFloat } from '../ir/dtype.ts';
import { roundFloat } from '../ir/float.ts';
import { elements, type Scalar } from '../ir/tensor.ts';
import type { BinaryOp, ComputeType, DotForm, Expr, UnaryOp } from './expr.ts';
import { DOTS, FUNCTIONS1, normalise, perOp, ROUNDINGS } from './expr.ts';

type Fn1 = (x: never) => Scalar;
type Fn2 = (a: never, b: never) => Scalar;

/** Functions that Math lacks. */
const OWN = { erf, exp2: (x: number) => 2 ** x, sigmoid: (x: number) => 1 / (1 + Math.exp(-x)) };

const FLOAT1: Partial<Record<UnaryOp, (x: number) => number>> = {
  ...perOp(FUNCTIONS1, (op) => (op === 'erf' || op === 'sigmoid' || op === 'exp2' ? OWN[op] : Math[op])),
  ...perOp(['abs', 'sqrt', 'floor', 'ceil', 'trunc'], (op) => Math[op]),
  neg: (x) => -x,
  nearest: nearestEven,
  isnan: (x) => Number(Number.isNaN(x)),
  isinf: (x) => Number(x === Infinity || x === -Infinity),
};

/** No step but the last rounds, unless to what the last rounds to 0. NaN counts as 1 beside an infinite power, as on x86. */
function ldexp(a: number, b: number): number {
  let n = Number.isFinite(b) ? Math.min(Math.max(Math.floor(b), -4000), 4000) : b;
  for (; n < -1022 && n > -Infinity; n += 969) a *= 2 ** -969;
  for (; n > 1023 && n < Infinity; n -= 1023) a *= 2 ** 1023;
  return (Number.isNaN(a) && Math.abs(n) === Infinity ? 1 : a) * 2 ** n;
}

const FLOAT2: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  rem: (a, b) => a % b,
  min: Math.min,
  max: Math.max,
  ldexp,
  atan2: Math.atan2,
  // IEEE pow: 1 for a base of 1 and for ±1 to ±infinity, where JS says NaN.
  pow: (a, b) => (a === 1 || (a === -1 && (b === Infinity || b === -Infinity)) ? 1 : a ** b),
};

/** floor of the exponentiation; negative exponents give 0 except for bases 1 and -1. */
function intPow(a: bigint, b: bigint, bits: number): bigint {
  if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  let base = a;
  for (let e = b; e > 0n; e >>= 1n) {
    if (e & 1n) result = BigInt.asUintN(bits, result * base);
    base = BigInt.asUintN(bits, base * base);
  }
  return result;
}

const BIG2: Record<string, (a: bigint, b: bigint, bits: number) => bigint> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  rem: (a, b) => (b === 0n ? 0n : a % b),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  pow: intPow,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b, bits) => a << BigInt.asUintN(bits === 64 ? 6 : 5, b),
  shr: (a, b, bits) => a >> BigInt.asUintN(bits === 64 ? 6 : 5, b),
};

const I32: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : (a / b) | 0),
  rem: (a, b) => (b === 0 ? 0 : (a % b) | 0),
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << (b & 31),
  shr: (a, b) => a >> (b & 31),
};

const COMPARE: Record<string, (a: Scalar, b: Scalar) => number> = {
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
};

/** Of bools, `mul` and `min` mean and, `add` and `max` or. */
const { and, or, xor } = I32;
const BOOL2: Record<string, (a: number, b: number) => number> = { and, or, xor, min: and, max: or, add: or, mul: and };

const is64 = (t: ComputeType): boolean => t === 'i64' || t === 'u64';

/** The function of a binary op on operands of this type; undefined where the op has no meaning. */
export function binaryMeaning(op: BinaryOp, t: ComputeType, wide = false): Fn2 | undefined {
  if (op in COMPARE) return COMPARE[op] as Fn2;
  if (t === 'f32' || t === 'f64') {
    const f = FLOAT2[op];
    return f && ((t === 'f64' || wide ? f : (a: number, b: number) => Math.fround(f(a, b))) as Fn2);
  }
  if (t === 'bool') return BOOL2[op] as Fn2 | undefined;
  if (t === 'i32' && op in I32) return I32[op] as Fn2;
  const f = BIG2[op];
  if (!f) return undefined;
  if (is64(t)) return ((a: bigint, b: bigint) => normalise(t, f(a, b, 64))) as Fn2;
  return ((a: number, b: number) => normalise(t, f(BigInt(a), BigInt(b), 32))) as Fn2;
}

const bitText = (x: bigint, bits: number): string => (x ? BigInt.asUintN(bits, x).toString(2) : '');
const BIG1: Partial<Record<UnaryOp, (x: bigint, bits: number) => bigint>> = {
  neg: (x) => -x,
  abs: (x) => (x < 0n ? -x : x),
  not: (x) => ~x,
  clz: (x, bits) => BigInt(bits - bitText(x, bits).length),
  popcnt: (x, bits) => BigInt(bitText(x, bits).replaceAll('0', '').length),
  ...perOp(ROUNDINGS, () => (x: bigint) => x),
};

/** The function of a unary op on operands of this type; undefined where the op has no meaning. */
export function unaryMeaning(op: UnaryOp, t: ComputeType, wide = false): Fn1 | undefined {
  if (t === 'bool') return (op === 'not' ? (x: number) => x ^ 1 : undefined) as Fn1 | undefined;
  if (t === 'f32' || t === 'f64') {
    const f = FLOAT1[op];
    return f && ((t === 'f64' || wide ? f : (x: number) => Math.fround(f(x))) as Fn1);
  }
  if (op === 'isnan' || op === 'isinf') return () => 0;
  const f = BIG1[op];
  return f && (((x: Scalar) => normalise(t, f(BigInt(x), is64(t) ? 64 : 32))) as Fn1);
}

/** c + Σ aᵢ·bᵢ: two signed halves, or four bytes, unsigned in `a` and signed in `b`, or two bf16, the upper one first. */
export function dotScalar(form: DotForm, a: number, b: number, c: number): number {
  const { parts } = DOTS[form];
  const rest = 32 - 32 / parts;
  let sum = c;
  for (let up = 0; up <= rest; up += 32 / parts) {
    const left = parts === 2 ? (a << up) >> rest : (a << up) >>> rest;
    if (form === 'bf16') sum = Math.fround(sum + upper(a << up) * upper(b << up));
    else sum = (sum + Math.imul(left, (b << up) >> rest)) | 0;
  }
  return sum;
}

/** Value conversion: float → int truncates and saturates (NaN → 0), int → int wraps, → bool is x != 0. */
export function castScalar(from: ComputeType, to: ComputeType, x: Scalar): Scalar {
  if (from === to) return x;
  if (to === 'bool') return x !== 0 && x !== 0n ? 1 : 0;
  if (to === 'f32') return typeof x === 'bigint' ? bigToF32(x) : Math.fround(x);
  if (to === 'f64') return Number(x);
  if (from === 'f32' || from === 'f64') {
    const v = x as number;
    const [lo, hi] = intRange(to as DType);
    if (Number.isNaN(v)) return is64(to) ? 0n : 0;
    if (!is64(to)) return Math.trunc(Math.min(Math.max(v, Number(lo)), Number(hi))) + 0;
    return v <= Number(lo) ? lo : v >= Number(hi) ? hi : BigInt(Math.trunc(v));
  }
  return normalise(to, x);
}

/** i64 → f32 with one rounding (through f64 it would round twice). */
function bigToF32(x: bigint): number {
  const a = x < 0n ? -x : x;
  const extra = Math.max(a.toString(2).length - 40, 0);
  if (extra === 0) return Math.fround(Number(x));
  const shift = BigInt(extra);
  const sticky = (a & ((1n << shift) - 1n)) !== 0n ? 1n : 0n;
  const f = Math.fround(Number((a >> shift) | sticky) * 2 ** extra);
  return x < 0n ? -f : f;
}

const scratch = new Uint8Array(8);

/** The function that reads the bits of a value as another type of equal size. */
export function bitcastMeaning(from: ComputeType, to: ComputeType): (x: Scalar) => Scalar {
  const [before, after] = [elements(from, scratch), elements(to, scratch)];
  return (x) => {
    before.set(0, x);
    return after.get(0);
  };
}

const floatOf = bitcastMeaning('i32', 'f32');
const upper = (word: number): number => floatOf(word & -0x10000) as number;

/** The value after storing it as `storage` and loading it again. */
export function roundScalar(storage: DType, t: ComputeType, x: Scalar): Scalar {
  if (isFloat(storage)) return roundFloat(storage, Number(x));
  if (storage === 'bool') return normalise(t, x ? 1 : 0);
  const [lo, hi] = intRange(storage);
  const bits = (hi - lo + 1n).toString(2).length - 1;
  const big = lo < 0n ? BigInt.asIntN(bits, BigInt(x)) : BigInt.asUintN(bits, BigInt(x));
  return normalise(t, big);
}

/** The function of an element-wise op on its operands; undefined where it has no meaning on them. */
export function meaningOf(e: Expr, wide = false): ((...xs: Scalar[]) => Scalar) | undefined {
  const from = e.src[0].dtype;
  if (e.op === 'select') return (c, a, b) => (c ? a : b);
  if (e.op === 'cast') return (x) => castScalar(from, e.dtype, x);
  if (e.op === 'bitcast') return bitcastMeaning(from, e.dtype);
  if (e.op === 'round') return (x) => roundScalar(e.arg, e.dtype, x);
  if (e.op === 'dot') return (...xs) => dotScalar(e.arg, ...(xs as [number, number, number]));
  if (e.op === 'fma') {
    const sum = (a: Scalar, b: Scalar, c: Scalar): number => (a as number) * (b as number) + (c as number);
    return e.dtype === 'f32' ? (a, b, c) => Math.fround(sum(a, b, c)) : sum;
  }
  const [op, binary] = [e.op as never, e.src.length === 2];
  return (binary ? binaryMeaning(op, from, wide) : unaryMeaning(op, from, wide)) as ReturnType<typeof meaningOf>;
}

/** Rounds to the nearest integer, ties to even, keeping the sign of zero. */
function nearestEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const f = Math.floor(x);
  const rest = x - f;
  const r = rest < 0.5 ? f : rest > 0.5 ? f + 1 : f % 2 === 0 ? f : f + 1;
  return r === 0 && (x < 0 || Object.is(x, -0)) ? -0 : r;
}

/** Error function, to about 1e-16 relative: Maclaurin series below 2.5, continued fraction of erfc above. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  return x < 0 ? -erfPositive(a) : x === 0 ? x : erfPositive(a);
}

function erfPositive(a: number): number {
  if (a < 2.5) {
    // erf x = 2/sqrt(pi) * exp(-x^2) * sum 2^n x^(2n+1) / (2n+1)!!: all terms positive.
    let term = a;
    let sum = a;
    for (let n = 1; n < 120 && term > sum * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
  }
  let f = 0;
  for (let k = 60; k >= 1; k--) f = k / 2 / (a + f);
  return 1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f));
}
