// Narrow floats in C: helper functions that decode a stored pattern to f32 and encode f32 (or f64) to a pattern, bit
// for bit as ir/float.ts does. Bit arithmetic on f32 and u32, the same text for scalars and vectors; half precision
// uses the CPU's conversion where there is one.
import type { DType } from '../../../ir/dtype.ts';
import { FORMATS, type Format } from '../../../ir/float.ts';
import type { Form } from './form.ts';
import { storageOf } from './unit.ts';

const hex = (n: number): string => `0x${(n >>> 0).toString(16)}u`;

/** The f32 value of the stored pattern `x` (of the storage type). */
export function decodeNarrow(form: Form, dtype: DType, x: string): string {
  const storage = storageOf(dtype);
  const half = dtype === 'f16' ? halfConversion(form, 'decode') : undefined;
  if (half) return form.call('half_decode', 'f32', { x: 'u16' }, [x], () => half);
  return form.call(`decode_${dtype}`, 'f32', { p: storage }, [x], () => {
    const first = `${form.type('u32')} x = ${form.convert(storage, 'u32', 'p')};`;
    if (dtype === 'bf16') return [first, `return ${form.bits('u32', 'f32', '(x << 16)')};`];
    return [first, ...(dtype === 'f8e8m0' ? decodeE8M0(form) : decodeFormat(form, FORMATS[dtype]!))];
  });
}

function decodeE8M0(form: Form): string[] {
  const splat = (n: number): string => form.splat('u32', hex(n));
  const tiny = form.select('u32', form.mask('u32', 'x == 0'), splat(0x400000), '(x << 23)');
  const bits = form.select('u32', form.mask('u32', 'x == 255'), splat(0x7fc00000), tiny);
  return [`return ${form.bits('u32', 'f32', bits)};`];
}

function decodeFormat(form: Form, f: Format): string[] {
  const u = form.type('u32');
  const width = f.exponent + f.mantissa;
  const up = 23 - f.mantissa;
  const top = ((1 << f.exponent) - 1) << f.mantissa;
  const special = {
    ieee: [`m >= ${hex(top)}`, `(0x7f800000u | (m << ${up}))`],
    fn: [`m == ${hex((1 << width) - 1)}`, form.splat('u32', '0x7fc00000u')],
    fnuz: [`x == ${hex(1 << width)}`, form.splat('u32', '0x7fc00000u')],
    none: null,
  }[f.special];
  const scaled = `${form.bits('u32', 'f32', `(m << ${up})`)} * 0x1p${127 - f.bias}f`;
  return [
    `${u} m = x & ${hex((1 << width) - 1)};`,
    `${u} s = (x >> ${width}) << 31;`,
    `${u} v = ${form.bits('f32', 'u32', scaled)};`,
    special ? `v = ${form.select('u32', form.mask('u32', special[0]), special[1], 'v')};` : '',
    `return ${form.bits('u32', 'f32', '(v | s)')};`,
  ];
}

/** The pattern, in the storage type, nearest to `x` of type `from`; ties to even, no saturation. */
export function encodeNarrow(form: Form, dtype: DType, from: 'f32' | 'f64', x: string): string {
  const storage = storageOf(dtype);
  const value = from === 'f64' ? roundToOdd(form, x) : x;
  const half = dtype === 'f16' ? halfConversion(form, 'encode') : undefined;
  if (half) {
    form.unit.type('f32', 4);
    return form.call('half_encode', 'u16', { x: 'f32' }, [value], () => {
      const [first, bits] = [`${form.type('u16')} h = ${half};`, form.convert('u16', 'u32', 'h')];
      const canonical = form.select('u32', form.mask('f32', 'x != x'), form.splat('u32', '0x7e00u'), bits);
      return [first, `return ${form.convert('u32', 'u16', canonical)};`];
    });
  }
  return form.call(`encode_${dtype}`, storage, { f: 'f32' }, [value], () => {
    const first = `${form.type('u32')} u = ${form.bits('f32', 'u32', 'f')};`;
    const body = dtype === 'f8e8m0' ? encodeE8M0(form) : encodeFormat(form, FORMATS[dtype]!);
    return [first, ...body, `return ${form.convert('u32', storage, 'r')};`];
  });
}

/** f64 → f32 such that a second rounding to a format of at most 21 bits is the only one. */
function roundToOdd(form: Form, x: string): string {
  return form.call('odd_f64', 'f32', { d: 'f64' }, [x], () => {
    const [or, and] = form.lanes > 1 ? ['|', '&'] : ['||', '&&'];
    const wide = form.convert('f32', 'f64', 'f');
    const away = form.mask('f64', `((w > d) ${and} (w > 0)) ${or} ((w < d) ${and} (w < 0))`);
    const less = form.select('u32', 'away', '(u - 1)', 'u');
    const inexact = form.mask('f64', `(w < d) ${or} (d < w)`);
    return [
      `${form.type('f32')} f = ${form.convert('f64', 'f32', 'd')};`,
      `${form.type('f64')} w = ${wide};`,
      `${form.type('i32')} away = ${away};`,
      `${form.type('u32')} u = ${form.bits('f32', 'u32', 'f')};`,
      `u = ${form.select('u32', inexact, `(${less} | 1)`, 'u')};`,
      `return ${form.bits('u32', 'f32', 'u')};`,
    ];
  });
}

/** Statements that leave the pattern of `u`, the bits of an f32, in `r`. */
function encodeE8M0(form: Form): string[] {
  const u = form.type('u32');
  const splat = (n: number): string => form.splat('u32', hex(n));
  const one = (mask: string): string => form.convert('i32', 'u32', form.truth(mask));
  const normal = `(e + ${one(form.mask('u32', '(a & 0x7fffffu) >= 0x400000u'))})`;
  const tiny = one(form.mask('u32', 'a >= 0x600000u'));
  return [
    `${u} a = u & 0x7fffffffu;`,
    `${u} e = a >> 23;`,
    `${u} r = ${form.select('u32', form.mask('u32', 'e == 0'), tiny, normal)};`,
    `r = ${form.select('u32', form.mask('u32', 'r > 254'), splat(254), 'r')};`,
    `r = ${form.select('u32', form.mask('u32', 'u >= 0x7f800000u'), splat(255), 'r')};`,
    `r = ${form.select('u32', form.mask('u32', 'u == 0x80000000u'), splat(0), 'r')};`,
  ];
}

function encodeFormat(form: Form, f: Format): string[] {
  const u = form.type('u32');
  const width = f.exponent + f.mantissa;
  const down = 23 - f.mantissa;
  const minExponent = 1 - f.bias;
  const magic = minExponent - f.mantissa + 23;
  const splat = (n: number): string => form.splat('u32', hex(n));
  const value = form.bits('u32', 'f32', 'a');
  const shifted = form.bits('f32', 'u32', `(${value} + 0x1p${magic}f)`);
  const small = `(${shifted} - ${hex((magic + 127) << 23)})`;
  const rounded = `(a + ${hex((1 << (down - 1)) - 1)} + ((a >> ${down}) & 1u))`;
  const normal = `((${rounded} >> ${down}) - ${hex((127 - f.bias) << f.mantissa)})`;
  const isTooLarge = form.mask('u32', `r > ${hex(f.largest)}`);
  const isSmall = form.mask('u32', `a < ${hex((minExponent + 127) << 23)}`);
  const isZero = form.mask('u32', `(r & ${hex((1 << width) - 1)}) == 0`);
  const isNan = form.mask('u32', 'a > 0x7f800000u');
  return [
    `${u} a = u & 0x7fffffffu;`,
    `${u} s = (u >> 31) << ${width};`,
    `${u} r = ${form.select('u32', isSmall, small, normal)};`,
    `r = ${form.select('u32', isTooLarge, splat(f.overflow), 'r')};`,
    f.special === 'fnuz' ? `s = ${form.select('u32', isZero, splat(0), 's')};` : '',
    `r = ${form.select('u32', isNan, splat(f.nan), '(r | s)')};`,
  ];
}

const HALF = [8, 16].map((n) => `typedef short half${n} __attribute__((vector_size(${n * 2})));\n`).join('');

/** The CPU's conversions between f16 patterns and f32, of `x`, per count of lanes. */
const HALF_CONVERSIONS: Readonly<Record<'decode' | 'encode', Readonly<Record<number, string>>>> = {
  decode: {
    1: '__builtin_ia32_vcvtph2ps((half8){(short)x})[0]',
    8: '(f32x8)__builtin_ia32_vcvtph2ps256((half8)x)',
    16: '(f32x16)__builtin_ia32_vcvtph2ps512_mask((half16)x, (f32x16){0}, (u16)-1, 4)',
  },
  encode: {
    1: '(u16)__builtin_ia32_vcvtps2ph((f32x4){x}, 0)[0]',
    8: '(u16x8)__builtin_ia32_vcvtps2ph256(x, 0)',
    16: '(u16x16)__builtin_ia32_vcvtps2ph512_mask(x, 0, (half16){0}, (u16)-1)',
  },
};

function halfConversion(form: Form, which: 'decode' | 'encode'): string | undefined {
  const { f16c, avx512 } = form.unit.options;
  if (!f16c || (form.lanes === 16 && !avx512)) return undefined;
  form.unit.need('half', () => HALF);
  return HALF_CONVERSIONS[which][form.lanes];
}
