// What storage types do to values, as arithmetic that any target renders, on scalars or vectors: bits of f16, bf16, the
// f8 family, f4e2m1 and e8m0 to f32 and back, ties to even, as in ir/float.ts; integers wrapped; round trips.
import { type DType, dtypeInfo, isSigned } from '../../ir/dtype.ts';
import { FORMATS, type Format } from '../../ir/float.ts';
import { abs, bitcast, cast, type Expr } from '../expr.ts';
import { isIntegral } from '../range.ts';
import { add, and, choose, eq, ge, gt, like, lt, min, mul, ne, or, shl, shr, sub } from './arithmetic.ts';

/** Bits of f32. */
const F32_INFINITY = 0x7f800000;
const F32_NAN = 0x7fc00000;

const toFloat = (bits: Expr): Expr => bitcast('f32', bits);
const toBits = (x: Expr): Expr => bitcast('u32', x);

/** The f32 value of bit patterns (u32, upper bits zero). */
export function decodeNarrow(storage: DType, bits: Expr): Expr {
  if (storage === 'bf16') return toFloat(shl(bits, 16));
  return toFloat(storage === 'f8e8m0' ? decodeScale(bits) : decodeFormat(FORMATS[storage]!, bits));
}

function decodeFormat({ exponent, mantissa, bias, special }: Format, bits: Expr): Expr {
  const width = exponent + mantissa;
  const magnitude = and(bits, (1 << width) - 1);
  // As an f32 of too small an exponent; one exact product moves it, subnormals included.
  const scaled = toBits(mul(toFloat(shl(magnitude, 23 - mantissa)), 2 ** (127 - bias)));
  const signed = or(scaled, shl(and(bits, 1 << width), 31 - width));
  if (special === 'none') return signed;
  if (special === 'fn') return choose(eq(magnitude, (1 << width) - 1), F32_NAN, signed);
  if (special === 'fnuz') return choose(eq(bits, 1 << width), F32_NAN, signed);
  return choose(ge(magnitude, ((1 << exponent) - 1) << mantissa), or(signed, F32_INFINITY), signed);
}

/** Powers of two: 0 stands for 2^-127, 255 for NaN. */
function decodeScale(bits: Expr): Expr {
  return choose(eq(bits, 255), F32_NAN, choose(eq(bits, 0), 1 << 22, shl(bits, 23)));
}

/** The nearest bit patterns of f32 values, ties to even, as u32 with upper bits zero. */
export function encodeNarrow(storage: DType, x: Expr): Expr {
  const bits = toBits(x);
  const magnitude = and(bits, 0x7fffffff);
  const notANumber = ge(magnitude, F32_INFINITY + 1);
  if (storage === 'bf16') return choose(notANumber, 0x7fc0, shr(roundUp(bits, 16), 16));
  if (storage === 'f8e8m0') return encodeScale(bits, magnitude);
  return encodeFormat(FORMATS[storage]!, bits, magnitude, notANumber);
}

/** Adds what makes truncation of the low `n` bits round to nearest, ties to even. */
const roundUp = (bits: Expr, n: number): Expr => add(add(bits, and(shr(bits, n), 1)), (1 << (n - 1)) - 1);

function encodeFormat(f: Format, bits: Expr, magnitude: Expr, notANumber: Expr): Expr {
  const width = f.exponent + f.mantissa;
  const drop = 23 - f.mantissa;
  const normal = shr(roundUp(sub(magnitude, (127 - f.bias) << 23), drop), drop);
  // Adding a power of two whose last place is the format's smallest step rounds in hardware.
  const step = 24 - f.bias - f.mantissa;
  const subnormal = sub(toBits(add(toFloat(magnitude), 2 ** step)), (step + 127) << 23);
  const rounded = choose(lt(magnitude, (128 - f.bias) << 23), subnormal, normal);
  const sign = shl(shr(bits, 31), width);
  // Overflow, NaN and the sign of zero, which each family encodes differently.
  if (f.special === 'fnuz') {
    const noSign = or(notANumber, ge(rounded, f.overflow));
    return choose(noSign, f.nan, choose(eq(rounded, 0), 0, or(rounded, sign)));
  }
  return choose(notANumber, f.nan, or(min(rounded, f.overflow), sign));
}

function encodeScale(bits: Expr, magnitude: Expr): Expr {
  const rounded = min(shr(add(magnitude, 1 << 22), 23), 254);
  // Below 1.5 * 2^-127 everything is 2^-127.
  const finite = choose(lt(magnitude, 0x600000), 0, rounded);
  return choose(or(ge(bits, 0x80000001), ge(magnitude, F32_INFINITY)), 255, finite);
}

/** The low bits of an integer, extended by sign or zero. */
export function wrapInteger(storage: DType, x: Expr): Expr {
  const unused = dtypeInfo(x.dtype).bits - dtypeInfo(storage).bits;
  if (unused <= 0) return x;
  if (!isSigned(storage)) return and(x, 2 ** dtypeInfo(storage).bits - 1);
  const signed = bitcast(dtypeInfo(x.dtype).bits === 64 ? 'i64' : 'i32', x);
  return bitcast(x.dtype, shr(shl(signed, unused), unused));
}

/** The value as if stored and loaded again, in its own type; NaN as a bool is 0. */
export function roundTrip(storage: DType, x: Expr): Expr {
  const { dtype } = x;
  if (storage === dtype || storage === 'f64') return x;
  if (storage === 'bool') return cast(dtype, isIntegral(dtype) ? ne(x, 0) : gt(abs(x), 0));
  if (isIntegral(dtype)) return wrapInteger(storage, x);
  if (storage === 'f32') return cast(dtype, cast('f32', x));
  const single = dtype === 'f64' ? demoteToOdd(x) : x;
  return cast(dtype, decodeNarrow(storage, encodeNarrow(storage, single)));
}

/** f64 to f32 rounded to odd, so that a further rounding to a narrower format is the rounding of the f64 itself. */
export function demoteToOdd(x: Expr): Expr {
  const near = cast('f32', x);
  const back = cast('f64', near);
  const bits = toBits(near);
  const moved = add(bits, choose(gt(abs(back), abs(x)), like(bits, -1), 1));
  const inexact = and(ne(back, x), eq(x, x));
  return toFloat(choose(and(inexact, eq(and(bits, 1), 0)), moved, bits));
}
