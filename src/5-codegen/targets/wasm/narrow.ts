// Narrow floats as integer arithmetic: bits of f16, bf16, the f8 family, f4e2m1 and e8m0 to f32 and
// back, ties to even, for scalars and four lanes alike. Overflow gives infinity where the format has
// one, else NaN (f4e2m1: the largest value), as in ir/float.ts.
import type { DType } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';
import { binary, select } from './arithmetic.ts';
import { bitcast } from './casts.ts';
import { constantOf } from './forms.ts';
import type { Value, Values } from './value.ts';

interface Format {
  readonly exponent: number;
  readonly mantissa: number;
  readonly bias: number;
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
}

const FORMATS: Partial<Record<DType, Format>> = {
  f16: { exponent: 5, mantissa: 10, bias: 15, special: 'ieee' },
  f8e5m2: { exponent: 5, mantissa: 2, bias: 15, special: 'ieee' },
  f8e4m3fn: { exponent: 4, mantissa: 3, bias: 7, special: 'fn' },
  f8e4m3fnuz: { exponent: 4, mantissa: 3, bias: 8, special: 'fnuz' },
  f8e5m2fnuz: { exponent: 5, mantissa: 2, bias: 16, special: 'fnuz' },
  f4e2m1: { exponent: 2, mantissa: 1, bias: 1, special: 'none' },
};

/** Bits of f32. */
const F32_INFINITY = 0x7f800000;
const F32_NAN = 0x7fc00000;

/** u32 and f32 arithmetic on one number of lanes, with integers for constants. */
class Lanes {
  private readonly v: Values;
  readonly lanes: number;

  constructor(v: Values, lanes: number) {
    this.v = v;
    this.lanes = lanes;
  }

  private int(op: 'add' | 'sub' | 'and' | 'or' | 'shl' | 'shr' | 'min', a: Value, b: Value): Value {
    return binary(this.v, op, { dtype: 'u32', lanes: this.lanes }, a, b);
  }

  bits(x: number): Value {
    return constantOf(this.v, { dtype: 'u32', lanes: this.lanes }, x | 0);
  }

  add = (a: Value, b: Value | number): Value => this.int('add', a, this.wrap(b));
  sub = (a: Value, b: Value | number): Value => this.int('sub', a, this.wrap(b));
  and = (a: Value, b: number): Value => this.int('and', a, this.bits(b));
  or = (a: Value, b: Value): Value => this.int('or', a, b);
  min = (a: Value, b: number): Value => this.int('min', a, this.bits(b));
  left = (a: Value, n: number): Value => this.int('shl', a, this.bits(n));
  right = (a: Value, n: number): Value => this.int('shr', a, this.bits(n));

  compare(op: 'eq' | 'lt' | 'ge', a: Value, b: number): Value {
    return binary(this.v, op, { dtype: 'u32', lanes: this.lanes }, a, this.bits(b));
  }

  either(a: Value, b: Value): Value {
    return binary(this.v, 'or', { dtype: 'bool', lanes: this.lanes }, a, b);
  }

  choose(condition: Value, then: Value | number, otherwise: Value | number): Value {
    const sides = [this.wrap(then), this.wrap(otherwise)] as const;
    return select(this.v, condition, this.lanes, ...sides);
  }

  float(op: 'add' | 'mul', a: Value, b: number): Value {
    const form = { dtype: 'f32', lanes: this.lanes } as const;
    return binary(this.v, op, form, a, constantOf(this.v, form, b));
  }

  toFloat(x: Value): Value {
    return bitcast(this.v, { dtype: 'u32', lanes: this.lanes }, 'f32', x);
  }

  fromFloat(x: Value): Value {
    return bitcast(this.v, { dtype: 'f32', lanes: this.lanes }, 'u32', x);
  }

  private wrap(x: Value | number): Value {
    return typeof x === 'number' ? this.bits(x) : x;
  }
}

function formatOf(storage: DType): Format {
  const f = FORMATS[storage];
  invariant(f, `no narrow float ${storage}`);
  return f;
}

/** The f32 value of bit patterns (i32, upper bits zero). */
export function decodeNarrow(v: Values, storage: DType, lanes: number, bits: Value): Value {
  const l = new Lanes(v, lanes);
  if (storage === 'bf16') return l.toFloat(l.left(bits, 16));
  if (storage === 'f8e8m0') return decodeScale(l, bits);
  const f = formatOf(storage);
  const width = f.exponent + f.mantissa;
  const magnitude = l.and(bits, (1 << width) - 1);
  // As an f32 of too small an exponent; one exact product moves it, subnormals included.
  const small = l.toFloat(l.left(magnitude, 23 - f.mantissa));
  const scaled = l.fromFloat(l.float('mul', small, 2 ** (127 - f.bias)));
  const signed = l.or(scaled, l.left(l.and(bits, 1 << width), 31 - width));
  if (f.special === 'none') return l.toFloat(signed);
  if (f.special === 'ieee') {
    const top = l.compare('ge', magnitude, ((1 << f.exponent) - 1) << f.mantissa);
    return l.toFloat(l.choose(top, l.or(signed, l.bits(F32_INFINITY)), signed));
  }
  const notANumber =
    f.special === 'fn' ? l.compare('eq', magnitude, (1 << width) - 1) : l.compare('eq', bits, 1 << width);
  return l.toFloat(l.choose(notANumber, F32_NAN, signed));
}

/** Powers of two: 0 stands for 2^-127, 255 for NaN. */
function decodeScale(l: Lanes, bits: Value): Value {
  const normal = l.choose(l.compare('eq', bits, 0), 1 << 22, l.left(bits, 23));
  return l.toFloat(l.choose(l.compare('eq', bits, 255), F32_NAN, normal));
}

/** The nearest bit patterns of f32 values, ties to even, as i32 with upper bits zero. */
export function encodeNarrow(v: Values, storage: DType, lanes: number, x: Value): Value {
  const l = new Lanes(v, lanes);
  const bits = l.fromFloat(x);
  const magnitude = l.and(bits, 0x7fffffff);
  const notANumber = l.compare('ge', magnitude, F32_INFINITY + 1);
  if (storage === 'bf16') return l.choose(notANumber, 0x7fc0, l.right(roundUp(l, bits, 16), 16));
  if (storage === 'f8e8m0') return encodeScale(l, bits, magnitude);
  return encodeFormat(l, formatOf(storage), bits, magnitude, notANumber);
}

/** Adds what makes truncation of the low `n` bits round to nearest, ties to even. */
function roundUp(l: Lanes, bits: Value, n: number): Value {
  const even = l.and(l.right(bits, n), 1);
  return l.add(l.add(bits, even), (1 << (n - 1)) - 1);
}

function encodeFormat(l: Lanes, f: Format, bits: Value, magnitude: Value, notANumber: Value): Value {
  const width = f.exponent + f.mantissa;
  const drop = 23 - f.mantissa;
  const rebased = l.sub(magnitude, (127 - f.bias) << 23);
  const normal = l.right(roundUp(l, rebased, drop), drop);
  // Adding a power of two whose last place is the format's smallest step rounds in hardware.
  const step = 2 ** (24 - f.bias - f.mantissa);
  const stepBits = (24 - f.bias - f.mantissa + 127) << 23;
  const shifted = l.fromFloat(l.float('add', l.toFloat(magnitude), step));
  const subnormal = l.sub(shifted, stepBits);
  const smallestNormal = (128 - f.bias) << 23;
  const rounded = l.choose(l.compare('lt', magnitude, smallestNormal), subnormal, normal);
  const sign = l.left(l.right(bits, 31), width);
  return withSpecials(l, f, rounded, sign, notANumber);
}

/** Overflow, NaN and the sign of zero, which each family encodes differently. */
function withSpecials(l: Lanes, f: Format, rounded: Value, sign: Value, notANumber: Value): Value {
  const width = f.exponent + f.mantissa;
  const ones = (1 << width) - 1;
  if (f.special === 'fnuz') {
    const noSign = l.either(notANumber, l.compare('ge', rounded, ones + 1));
    const signed = l.choose(l.compare('eq', rounded, 0), 0, l.or(rounded, sign));
    return l.choose(noSign, 1 << width, signed);
  }
  const infinity = ((1 << f.exponent) - 1) << f.mantissa;
  const clamped = l.min(rounded, f.special === 'ieee' ? infinity : ones);
  const nan = { ieee: infinity | (1 << (f.mantissa - 1)), fn: ones, none: 1 << width }[f.special];
  return l.choose(notANumber, nan, l.or(clamped, sign));
}

function encodeScale(l: Lanes, bits: Value, magnitude: Value): Value {
  const rounded = l.min(l.right(l.add(magnitude, 1 << 22), 23), 254);
  // Below 1.5 * 2^-127 everything is 2^-127.
  const finite = l.choose(l.compare('lt', magnitude, 0x600000), 0, rounded);
  const negative = l.compare('ge', bits, 0x80000001 | 0);
  return l.choose(l.either(negative, l.compare('ge', magnitude, F32_INFINITY)), 255, finite);
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
  const step = v.select(above, v.i32(-1), v.i32(1));
  const moved = v.op('i32.add', [bits, step]);
  const odd = v.select(v.op('i32.and', [inexact, even]), moved, bits);
  return v.op('f32.reinterpret_i32', [odd]);
}
