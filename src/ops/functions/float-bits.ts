// The bits of floats in expressions: signs, exponents, scaling by powers of two, nearest integers. For the
// decompositions of scalar functions, in f32 and f64 alike.
import { bitcast, type Expr } from '../../3-tile/expr.ts';
import { add, and, mul, or, shl, shr, sub, xor } from '../../3-tile/rules/arithmetic.ts';

/** How a float type is laid out, and the integer type of the same size. */
export interface Format {
  readonly int: 'i32' | 'i64';
  readonly mantissa: number;
  readonly bias: number;
  readonly sign: number | bigint;
  readonly minNormal: number;
  readonly upperHalf: number | bigint;
  /** Added to a number below 2^(mantissa - 2) in size, leaves its nearest integer and twice the bias in the low bits. */
  readonly magic: number;
  readonly magicBits: number | bigint;
  /** Below this, f(x) = x for functions with f(x) = x + O(x^2). */
  readonly tiny: number;
}

const F32 = { int: 'i32', mantissa: 23, bias: 127, sign: -(2 ** 31), magicBits: 0x4b4000fe } as const;
const F64 = { int: 'i64', mantissa: 52, bias: 1023, sign: -(2n ** 63n), magicBits: 0x43380000000007fen } as const;
const FORMATS: { readonly f32: Format; readonly f64: Format } = {
  f32: { ...F32, minNormal: 2 ** -126, upperHalf: -(2 ** 12), magic: 1.5 * 2 ** 23 + 254, tiny: 2 ** -26 },
  f64: { ...F64, minNormal: 2 ** -1022, upperHalf: -(2n ** 27n), magic: 1.5 * 2 ** 52 + 2046, tiny: 2 ** -55 },
};

export const formatOf = (x: Expr): Format => FORMATS[x.dtype === 'f32' ? 'f32' : 'f64'];
export const bitsOf = (x: Expr): Expr => bitcast(formatOf(x).int, x);
const floatOf = (bits: Expr): 'f32' | 'f64' => (bits.dtype === 'i32' ? 'f32' : 'f64');
export const fromBits = (bits: Expr): Expr => bitcast(floatOf(bits), bits);

/**
 * The upper half of the significand, 12 bits of an f32 and 26 of an f64: products of halves are exact. Cut by a mask, so
 * that nothing that fuses products into sums can take an exact product for the rounded one.
 */
export const upperHalf = (x: Expr): Expr => fromBits(and(bitsOf(x), formatOf(x).upperHalf));

/** `magnitude` (not negative) with the sign of `x`. */
export const withSign = (magnitude: Expr, x: Expr): Expr =>
  fromBits(or(bitsOf(magnitude), and(bitsOf(x), formatOf(x).sign)));

/** `x` negated where the integer's bit `bit` is set. */
export function negatedWhere(x: Expr, n: Expr, bit: number): Expr {
  const width = x.dtype === 'f32' ? 32 : 64;
  return fromBits(xor(bitsOf(x), shl(and(n, 2 ** bit), width - 1 - bit)));
}

/** 2^n for an integer n of a normal power. */
export function powerOfTwo(n: Expr): Expr {
  const { mantissa, bias } = FORMATS[floatOf(n)];
  return fromBits(shl(add(n, bias), mantissa));
}

/** x 2^n, rounded once even where the result is subnormal; `power`: bits whose lowest are n and twice the bias. */
export function scale(x: Expr, power: Expr): Expr {
  const { mantissa } = formatOf(x);
  const half = shr(power, 1);
  return mul(mul(x, fromBits(shl(half, mantissa))), fromBits(shl(sub(power, half), mantissa)));
}

/** The nearest integer of a small x, as a float, as an integer, and as `scale` takes it. */
export function nearestOf(x: Expr): { whole: Expr; n: Expr; power: Expr } {
  const { magic, magicBits } = formatOf(x);
  const shifted = add(x, magic);
  const power = bitsOf(shifted);
  return { whole: sub(shifted, magic), n: sub(power, magicBits), power };
}
