// Narrow floats as integer arithmetic: bits of f16, bf16, the f8 family, f4e2m1 and e8m0 to f32 and
// back, ties to even, for scalars and four lanes alike. Overflow gives infinity where the format has
// one, else NaN (f4e2m1: the largest value), as in ir/float.ts.
import type { BinaryOp } from '../../../3-tile/expr.ts';
import type { DType } from '../../../ir/dtype.ts';
import { FORMATS, type Format } from '../../../ir/float.ts';
import { arithmetic, bitcast, select } from './arithmetic.ts';
import { constantOf } from './forms.ts';
import type { Value, Values } from './value.ts';

/** Bits of f32. */
const F32_INFINITY = 0x7f800000;
const F32_NAN = 0x7fc00000;

/** u32 and f32 arithmetic on one number of lanes, with integers for constants. */
function lanesOf(v: Values, lanes: number) {
  const [u32, f32] = [{ dtype: 'u32', lanes } as const, { dtype: 'f32', lanes } as const];
  const bits = (x: Value | number): Value => (typeof x === 'number' ? constantOf(v, u32, x | 0) : x);
  const toFloat = (x: Value): Value => bitcast(v, u32, 'f32', x);
  const fromFloat = (x: Value): Value => bitcast(v, f32, 'u32', x);
  return {
    toFloat,
    fromFloat,
    int: (op: BinaryOp, a: Value, b: Value | number) => arithmetic(v, op, u32, a, bits(b)),
    /** On f32, given and taken as bits. */
    float: (op: BinaryOp, a: Value, b: number) => fromFloat(arithmetic(v, op, f32, toFloat(a), constantOf(v, f32, b))),
    either: (a: Value, b: Value) => arithmetic(v, 'or', { dtype: 'bool', lanes }, a, b),
    choose: (condition: Value, then: Value | number, otherwise: Value | number) =>
      select(v, condition, lanes, bits(then), bits(otherwise)),
  };
}
type Lanes = ReturnType<typeof lanesOf>;

/** The f32 value of bit patterns (i32, upper bits zero). */
export function decodeNarrow(v: Values, storage: DType, lanes: number, bits: Value): Value {
  const l = lanesOf(v, lanes);
  if (storage === 'bf16') return l.toFloat(l.int('shl', bits, 16));
  return l.toFloat(storage === 'f8e8m0' ? decodeScale(l, bits) : decodeFormat(l, FORMATS[storage]!, bits));
}

function decodeFormat(l: Lanes, f: Format, bits: Value): Value {
  const width = f.exponent + f.mantissa;
  const magnitude = l.int('and', bits, (1 << width) - 1);
  // As an f32 of too small an exponent; one exact product moves it, subnormals included.
  const scaled = l.float('mul', l.int('shl', magnitude, 23 - f.mantissa), 2 ** (127 - f.bias));
  const signed = l.int('or', scaled, l.int('shl', l.int('and', bits, 1 << width), 31 - width));
  switch (f.special) {
    case 'none':
      return signed;
    case 'ieee': {
      const top = l.int('ge', magnitude, ((1 << f.exponent) - 1) << f.mantissa);
      return l.choose(top, l.int('or', signed, F32_INFINITY), signed);
    }
    case 'fn':
      return l.choose(l.int('eq', magnitude, (1 << width) - 1), F32_NAN, signed);
    case 'fnuz':
      return l.choose(l.int('eq', bits, 1 << width), F32_NAN, signed);
  }
}

/** Powers of two: 0 stands for 2^-127, 255 for NaN. */
function decodeScale(l: Lanes, bits: Value): Value {
  const normal = l.choose(l.int('eq', bits, 0), 1 << 22, l.int('shl', bits, 23));
  return l.choose(l.int('eq', bits, 255), F32_NAN, normal);
}

/** The nearest bit patterns of f32 values, ties to even, as i32 with upper bits zero. */
export function encodeNarrow(v: Values, storage: DType, lanes: number, x: Value): Value {
  const l = lanesOf(v, lanes);
  const bits = l.fromFloat(x);
  const magnitude = l.int('and', bits, 0x7fffffff);
  const notANumber = l.int('ge', magnitude, F32_INFINITY + 1);
  if (storage === 'bf16') return l.choose(notANumber, 0x7fc0, l.int('shr', roundUp(l, bits, 16), 16));
  if (storage === 'f8e8m0') return encodeScale(l, bits, magnitude);
  return encodeFormat(l, FORMATS[storage]!, bits, magnitude, notANumber);
}

/** Adds what makes truncation of the low `n` bits round to nearest, ties to even. */
function roundUp(l: Lanes, bits: Value, n: number): Value {
  const even = l.int('and', l.int('shr', bits, n), 1);
  return l.int('add', l.int('add', bits, even), (1 << (n - 1)) - 1);
}

function encodeFormat(l: Lanes, f: Format, bits: Value, magnitude: Value, notANumber: Value): Value {
  const width = f.exponent + f.mantissa;
  const drop = 23 - f.mantissa;
  const rebased = l.int('sub', magnitude, (127 - f.bias) << 23);
  const normal = l.int('shr', roundUp(l, rebased, drop), drop);
  // Adding a power of two whose last place is the format's smallest step rounds in hardware.
  const step = 24 - f.bias - f.mantissa;
  const subnormal = l.int('sub', l.float('add', magnitude, 2 ** step), (step + 127) << 23);
  const rounded = l.choose(l.int('lt', magnitude, (128 - f.bias) << 23), subnormal, normal);
  const sign = l.int('shl', l.int('shr', bits, 31), width);
  // Overflow, NaN and the sign of zero, which each family encodes differently.
  const ones = (1 << width) - 1;
  if (f.special === 'fnuz') {
    const noSign = l.either(notANumber, l.int('ge', rounded, ones + 1));
    return l.choose(noSign, 1 << width, l.choose(l.int('eq', rounded, 0), 0, l.int('or', rounded, sign)));
  }
  const infinity = ((1 << f.exponent) - 1) << f.mantissa;
  const clamped = l.int('min', rounded, f.special === 'ieee' ? infinity : ones);
  const nan = { ieee: infinity | (1 << (f.mantissa - 1)), fn: ones, none: 1 << width }[f.special];
  return l.choose(notANumber, nan, l.int('or', clamped, sign));
}

function encodeScale(l: Lanes, bits: Value, magnitude: Value): Value {
  const rounded = l.int('min', l.int('shr', l.int('add', magnitude, 1 << 22), 23), 254);
  // Below 1.5 * 2^-127 everything is 2^-127.
  const finite = l.choose(l.int('lt', magnitude, 0x600000), 0, rounded);
  const negative = l.int('ge', bits, 0x80000001);
  return l.choose(l.either(negative, l.int('ge', magnitude, F32_INFINITY)), 255, finite);
}

/**
 * f64 to f32 rounded to odd, so that a further rounding to a narrower format is the rounding of the
 * f64 itself. Scalars only.
 */
export function demoteToOdd(v: Values, x: Value): Value {
  const near = v.op('f32.demote_f64', [x]);
  const back = v.op('f64.promote_f32', [near]);
  const bits = v.op('i32.reinterpret_f32', [near]);
  const above = v.op('f64.gt', [v.op('f64.abs', [back]), v.op('f64.abs', [x])]);
  const even = v.op('i32.eqz', [v.op('i32.and', [bits, v.i32(1)])]);
  const inexact = v.op('i32.and', [v.op('f64.ne', [back, x]), v.op('f64.eq', [x, x])]);
  const moved = v.op('i32.add', [bits, v.select(above, v.i32(-1), v.i32(1))]);
  return v.op('f32.reinterpret_i32', [v.select(v.op('i32.and', [inexact, even]), moved, bits)]);
}
