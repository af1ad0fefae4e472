// Bit-exact conversion between JS numbers and the narrow floats of ONNX (f16, bf16, the f8 family,
// f4e2m1, e8m0), round to nearest even, as one table of formats. Pure arithmetic, no tensors.
import type { DType } from './dtype.ts';

/** A binary float format narrower than f32. */
export interface Format {
  readonly exponent: number;
  readonly mantissa: number;
  readonly bias: number;
  /** How infinities and NaN are encoded. */
  readonly special: 'ieee' | 'fn' | 'fnuz' | 'none';
}

export const FORMATS: Partial<Record<DType, Format>> = {
  f16: { exponent: 5, mantissa: 10, bias: 15, special: 'ieee' },
  bf16: { exponent: 8, mantissa: 7, bias: 127, special: 'ieee' },
  f8e5m2: { exponent: 5, mantissa: 2, bias: 15, special: 'ieee' },
  f8e4m3fn: { exponent: 4, mantissa: 3, bias: 7, special: 'fn' },
  f8e4m3fnuz: { exponent: 4, mantissa: 3, bias: 8, special: 'fnuz' },
  f8e5m2fnuz: { exponent: 5, mantissa: 2, bias: 16, special: 'fnuz' },
  f4e2m1: { exponent: 2, mantissa: 1, bias: 1, special: 'none' },
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
  if (!f) return dtype === 'f8e8m0' ? 2 ** 127 : dtype === 'f32' ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const maxE = (1 << f.exponent) - 1 - (f.special === 'ieee' ? 1 : 0);
  const topMantissa = (1 << f.mantissa) - 1 - (f.special === 'fn' ? 1 : 0);
  return (1 + topMantissa * 2 ** -f.mantissa) * 2 ** (maxE - f.bias);
}

function nanBits(f: Format): number {
  const width = f.exponent + f.mantissa;
  if (f.special === 'fnuz') return 1 << width;
  if (f.special === 'fn') return (1 << width) - 1;
  if (f.special === 'none') return (1 << width) | 0;
  return (((1 << f.exponent) - 1) << f.mantissa) | (1 << (f.mantissa - 1));
}

/**
 * The nearest bit pattern, ties to even. Overflow gives infinity where the format has one, else NaN
 * (or the largest finite value when `saturate` is true, ONNX Cast's `saturate` attribute, and always
 * for f4e2m1).
 */
export function encodeFloat(dtype: DType, value: number, saturate = false): number {
  if (dtype === 'f8e8m0') return encodeE8M0(value);
  const f = FORMATS[dtype]!;
  const width = f.exponent + f.mantissa;
  const signBit = (value < 0 || Object.is(value, -0) ? 1 : 0) << width;
  if (Number.isNaN(value)) return nanBits(f);
  const a = Math.abs(value);
  const max = maxFinite(dtype);
  if (a === Number.POSITIVE_INFINITY && !saturate && f.special !== 'none') {
    return f.special === 'ieee'
      ? signBit | (((1 << f.exponent) - 1) << f.mantissa)
      : nanBits(f) | (f.special === 'fn' ? signBit : 0);
  }
  if (a === Number.POSITIVE_INFINITY) return signBit | maxBits(f);
  if (a === 0) return f.special === 'fnuz' ? 0 : signBit;
  const minE = 1 - f.bias;
  const e = Math.max(Math.floor(Math.log2(a)), minE);
  const exact = a < 2 ** e ? e - 1 : a >= 2 ** (e + 1) ? e + 1 : e;
  const step = 2 ** (Math.max(exact, minE) - f.mantissa);
  const q = a / step;
  let r = Math.floor(q);
  const rest = q - r;
  if (rest > 0.5 || (rest === 0.5 && r % 2 === 1)) r++;
  const rounded = r * step;
  if (rounded > max) {
    if (saturate || f.special === 'none') return signBit | maxBits(f);
    if (f.special === 'ieee') return signBit | (((1 << f.exponent) - 1) << f.mantissa);
    return nanBits(f) | (f.special === 'fn' ? signBit : 0);
  }
  if (rounded === 0) return f.special === 'fnuz' ? 0 : signBit;
  const re = Math.max(rounded < 2 ** (Math.max(exact, minE) + 1) ? Math.max(exact, minE) : exact + 1, minE);
  const mant = rounded / 2 ** (re - f.mantissa);
  const hidden = 1 << f.mantissa;
  if (mant < hidden) return signBit | mant;
  return signBit | ((re + f.bias) << f.mantissa) | (mant - hidden);
}

function maxBits(f: Format): number {
  const width = f.exponent + f.mantissa;
  if (f.special === 'ieee') return ((((1 << f.exponent) - 1) << f.mantissa) - 1) | 0;
  if (f.special === 'fn') return (1 << width) - 2;
  return (1 << width) - 1;
}

function encodeE8M0(value: number): number {
  if (Number.isNaN(value) || value < 0) return 255;
  if (value === Number.POSITIVE_INFINITY) return 255;
  if (value === 0) return 0;
  const e = Math.floor(Math.log2(value));
  const exact = value < 2 ** e ? e - 1 : value >= 2 ** (e + 1) ? e + 1 : e;
  const up = value / 2 ** exact >= 1.5 ? exact + 1 : exact;
  return Math.min(Math.max(up + 127, 0), 254);
}

/** The value rounded to the format and back. */
export function roundFloat(dtype: DType, value: number): number {
  if (dtype === 'f32') return Math.fround(value);
  if (dtype === 'f64') return value;
  return decodeFloat(dtype, encodeFloat(dtype, value));
}
