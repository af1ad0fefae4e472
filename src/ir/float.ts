// Bit-exact conversion between JS numbers and the narrow floats of ONNX (f16, bf16, the f8 family, f4e2m1, e8m0), round
// to nearest even, as one table of formats. Pure arithmetic, no tensors.
import type { DType } from './dtype.ts';

/** A binary float format narrower than f32, with patterns (without the sign) that are special in it. */
export interface Format {
  readonly exponent: number;
  readonly mantissa: number;
  readonly bias: number;
  /** How infinities and NaN are encoded. */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
  readonly nan: number;
  /** The largest finite value. */
  readonly largest: number;
  /** What greater values become: infinity where there is one, else NaN, else the largest value. */
  readonly overflow: number;
}

function format(exponent: number, mantissa: number, bias: number, special: Format['special']): Format {
  const ones = (1 << (exponent + mantissa)) - 1;
  const infinity = ((1 << exponent) - 1) << mantissa;
  const patterns = {
    ieee: { nan: infinity | (1 << (mantissa - 1)), largest: infinity - 1, overflow: infinity },
    fn: { nan: ones, largest: ones - 1, overflow: ones },
    fnuz: { nan: ones + 1, largest: ones, overflow: ones + 1 },
    none: { nan: ones + 1, largest: ones, overflow: ones },
  };
  return { exponent, mantissa, bias, special, ...patterns[special] };
}

export const FORMATS: Partial<Record<DType, Format>> = {
  f16: format(5, 10, 15, 'ieee'),
  bf16: format(8, 7, 127, 'ieee'),
  f8e5m2: format(5, 2, 15, 'ieee'),
  f8e4m3fn: format(4, 3, 7, 'fn'),
  f8e4m3fnuz: format(4, 3, 8, 'fnuz'),
  f8e5m2fnuz: format(5, 2, 16, 'fnuz'),
  f4e2m1: format(2, 1, 1, 'none'),
};

const decodeTables = new Map<DType, Float64Array>();

/** The value of the bit pattern. */
export function decodeFloat(dtype: DType, bits: number): number {
  let table = decodeTables.get(dtype);
  if (!table) {
    const size = dtype === 'f16' || dtype === 'bf16' ? 65536 : dtype === 'f4e2m1' ? 16 : 256;
    table = Float64Array.from({ length: size }, (_, i) => decodeSlow(dtype, i));
    decodeTables.set(dtype, table);
  }
  return table[bits];
}

function decodeSlow(dtype: DType, bits: number): number {
  if (dtype === 'f8e8m0') return bits === 255 ? Number.NaN : 2 ** (bits - 127);
  const f = FORMATS[dtype]!;
  const sign = (bits >> (f.exponent + f.mantissa)) & 1 ? -1 : 1;
  const maxE = (1 << f.exponent) - 1;
  const e = (bits >> f.mantissa) & maxE;
  const m = bits & ((1 << f.mantissa) - 1);
  if (f.special === 'ieee' && e === maxE) return m === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (f.special === 'fn' && e === maxE && m === (1 << f.mantissa) - 1) return Number.NaN;
  if (f.special === 'fnuz' && sign < 0 && e === 0 && m === 0) return Number.NaN;
  const scale = 2 ** -f.mantissa;
  if (e === 0) return sign * m * scale * 2 ** (1 - f.bias);
  return sign * (1 + m * scale) * 2 ** (e - f.bias);
}

/** Largest finite value of the format. */
export function maxFinite(dtype: DType): number {
  const f = FORMATS[dtype];
  if (f) return decodeFloat(dtype, f.largest);
  return dtype === 'f8e8m0' ? 2 ** 127 : dtype === 'f32' ? 3.4028234663852886e38 : Number.MAX_VALUE;
}

/** The exponent of the power of two at or below a positive finite value. */
function binade(a: number): number {
  const e = Math.floor(Math.log2(a));
  return a < 2 ** e ? e - 1 : a >= 2 ** (e + 1) ? e + 1 : e;
}

/**
 * The nearest bit pattern, ties to even. Overflow gives infinity where the format has one, else NaN (or the largest
 * finite value when `saturate` is true, ONNX Cast's `saturate` attribute, and always for f4e2m1).
 */
export function encodeFloat(dtype: DType, value: number, saturate = false): number {
  if (dtype === 'f8e8m0') return encodeE8M0(value);
  const f = FORMATS[dtype]!;
  if (Number.isNaN(value)) return f.nan;
  const sign = (value < 0 || Object.is(value, -0) ? 1 : 0) << (f.exponent + f.mantissa);
  const a = Math.abs(value);
  const beyond = sign | (saturate ? f.largest : f.overflow);
  if (a === Number.POSITIVE_INFINITY) return beyond;
  const e = a === 0 ? 1 - f.bias : Math.max(binade(a), 1 - f.bias);
  const steps = a / 2 ** (e - f.mantissa);
  const down = Math.floor(steps);
  const rest = steps - down;
  const rounded = rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
  // Patterns grow with values, through subnormals and over a carry into the exponent.
  const pattern = ((e + f.bias - 1) << f.mantissa) + rounded;
  if (pattern === 0) return f.special === 'fnuz' ? 0 : sign;
  return pattern > f.largest ? beyond : sign | pattern;
}

function encodeE8M0(value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return 255;
  if (value === 0) return 0;
  const e = binade(value);
  return Math.min(Math.max(e + 127 + (value / 2 ** e >= 1.5 ? 1 : 0), 0), 254);
}

/** The value rounded to the format and back. */
export function roundFloat(dtype: DType, value: number): number {
  if (dtype === 'f32') return Math.fround(value);
  return dtype === 'f64' ? value : decodeFloat(dtype, encodeFloat(dtype, value));
}
