// Arithmetic whose C needs more than an operator: counting bits, division that is total, min and max that order zeros
// and keep NaN, multiply-add with one rounding. The same text serves scalars and vectors; ops.ts has the table that
// these belong to.
import type { Expr } from '../../../3-tile/expr.ts';
import { TilewrightError } from '../../../support/errors.ts';
import { Form } from './form.ts';
import { isFloatScalar, isUnsigned, type Scalar, scalarBytes, unsignedOf } from './unit.ts';

export type Render = (form: Form, e: Expr, x: readonly string[], s: Scalar) => string;

export const suffix = (s: Scalar): string => (s === 'f32' ? 'f' : '');

export function refuse(e: Expr): never {
  throw new TilewrightError('INTERNAL', `c: no form of ${e.op} for ${e.src[0]?.dtype ?? e.dtype} x${e.lanes}`);
}

/** Counting bits through unsigned builtins, lane by lane. */
export const count =
  (name: 'clz' | 'popcount'): Render =>
  (form, _e, x, s) => {
    const bits = scalarBytes(s) * 8;
    const builtin = `__builtin_${name}${bits === 64 ? 'll' : ''}`;
    const one = (v: string): string => {
      const counted = `${builtin}((${unsignedOf(s)})${v})`;
      return name === 'clz' ? `(${v} == 0 ? ${bits} : ${counted})` : counted;
    };
    return form.call(`${name}_${s}`, s, { x: s }, x, () => form.eachLane(s, (lane) => one(`x${lane}`)));
  };

/** The constant behind an operand, through a splat. */
function constantOf(e: Expr): number | bigint | undefined {
  if (e.op === 'const') return e.arg;
  return e.op === 'splat' ? constantOf(e.src[0]) : undefined;
}

export const remainder: Render = (form, e, x, s) =>
  isFloatScalar(s)
    ? form.lanewise('fmod', s, x, (a, b) => `__builtin_fmod${suffix(s)}(${a}, ${b})`)
    : integerDivision(form, e, x, s, '%');

export const divide: Render = (form, e, x, s) =>
  isFloatScalar(s) ? `(${x[0]} / ${x[1]})` : integerDivision(form, e, x, s, '/');

/** x/0 = x%0 = 0; the smallest value over -1 wraps. A constant divisor needs no test. */
function integerDivision(form: Form, e: Expr, x: readonly string[], s: Scalar, symbol: '/' | '%'): string {
  const c = constantOf(e.src[1]);
  if (c !== undefined && Number(c) !== 0 && Number(c) !== -1) return `(${x[0]} ${symbol} ${x[1]})`;
  const name = symbol === '/' ? 'div' : 'rem';
  const byMinusOne = symbol === '/' ? '-a' : '0';
  const one = new Form(form.unit, 1).helper(`${name}_${s}`, s, { a: s, b: s }, () => {
    const guarded = isUnsigned(s) ? `a ${symbol} b` : `b == -1 ? ${byMinusOne} : a ${symbol} b`;
    return `b == 0 ? 0 : ${guarded}`;
  });
  return form.lanewise(name, s, x, (a, b) => `${one}(${a}, ${b})`);
}

export const extreme =
  (which: 'min' | 'max'): Render =>
  (form, e, x, s) => {
    if (e.dtype === 'bool') return `(${x[0]} ${which === 'min' ? '&' : '|'} ${x[1]})`;
    if (!isFloatScalar(s)) {
      const first = `a ${which === 'min' ? '<' : '>'} b`;
      return form.call(`${which}_${s}`, s, { a: s, b: s }, x, () => form.select(s, form.mask(s, first), 'a', 'b'));
    }
    const c = constantOf(e.src[1]) as number | undefined;
    if (c !== undefined && !Number.isNaN(c)) return floatBound(form, which, s, x, c);
    return floatExtreme(form, which, s, x);
  };

/**
 * min or max with a constant: `c sign x ? c : x` keeps NaN, and gives x where both are equal; so only the zero that
 * loses against the other zero needs more: adding +0 turns -0 into +0.
 */
function floatBound(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[], c: number): string {
  if (which === 'min' && Object.is(c, -0)) return floatExtreme(form, which, s, x);
  const first = `c ${which === 'min' ? '<' : '>'} x`;
  const body = (): string => form.select(s, form.mask(s, first), 'c', 'x');
  const text = form.call(`${which}_bound_${s}`, s, { x: s, c: s }, x, body);
  return which === 'max' && Object.is(c, 0) ? `(${text} + ${suffix(s) ? '0.0f' : '0.0'})` : text;
}

/**
 * Where neither operand is smaller, both are equal or one is NaN: the union of the bits is then the smaller zero, the
 * common value, or a NaN. max is min under a flip of the signs.
 */
function floatExtreme(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[]): string {
  return form.call(`${which}_${s}`, s, { a: s, b: s }, x, () => {
    const u = unsignedOf(s);
    const [a, b] = [form.bits(s, u, 'a'), form.bits(s, u, 'b')];
    const sign = s === 'f32' ? '0x80000000u' : '0x8000000000000000ull';
    const tie = which === 'min' ? `(${a} | ${b})` : `(((${a} ^ ${sign}) | (${b} ^ ${sign})) ^ ${sign})`;
    const [first, second] = which === 'min' ? ['a < b', 'b < a'] : ['a > b', 'b > a'];
    const rest = form.select(s, form.mask(s, second), 'b', form.bits(u, s, tie));
    return form.select(s, form.mask(s, first), 'a', rest);
  });
}

/** gcc's builtins per type and lanes: lanes written one by one become them only with luck. */
const X86_FMA: ReadonlyMap<string, readonly [macro: string, builtin: string, extra: string]> = new Map([
  ['f32 4', ['__FMA__', '__builtin_ia32_vfmaddps', '']],
  ['f32 8', ['__FMA__', '__builtin_ia32_vfmaddps256', '']],
  ['f32 16', ['__AVX512F__', '__builtin_ia32_vfmaddps512_mask', ', (unsigned short)-1, 4']],
  ['f64 2', ['__FMA__', '__builtin_ia32_vfmaddpd', '']],
  ['f64 4', ['__FMA__', '__builtin_ia32_vfmaddpd256', '']],
  ['f64 8', ['__AVX512F__', '__builtin_ia32_vfmaddpd512_mask', ', (unsigned char)-1, 4']],
]);

/** The body of a helper: the compiler's own function where the CPU has it, else the formula. */
function nativeOr(macro: string | undefined, native: string, formula: string): string | string[] {
  if (!macro) return formula;
  return [`#if defined(${macro}) && !defined(__clang__)\n  return ${native};\n#else`, `return ${formula};`, '#endif'];
}

export const fma: Render = (form, _e, x, s) => {
  const call = (a: string, b: string, c: string): string => `__builtin_fma${suffix(s)}(${a}, ${b}, ${c})`;
  if (form.lanes === 1) return call(x[0], x[1], x[2]);
  const lanewise = form.eachLane(s, (l) => call(`a${l}`, `b${l}`, `c${l}`));
  const [macro, builtin, extra] = X86_FMA.get(`${s} ${form.lanes}`) ?? [];
  const body = (): string | string[] => nativeOr(macro, `${builtin}(a, b, c${extra})`, lanewise);
  return form.call(`fma_${s}`, s, { a: s, b: s, c: s }, x, body);
};

/** The same for dot products, per parts and lanes. */
const X86_DOT: ReadonlyMap<string, readonly [macro: string, native: string]> = new Map([
  ['4 4', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v4si(c, a, b)']],
  ['4 8', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v8si(c, a, b)']],
  ['4 16', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v16si(c, a, b)']],
  ['2 4', ['__SSE2__', 'c + __builtin_ia32_pmaddwd128((i16x8)a, (i16x8)b)']],
  ['2 8', ['__AVX2__', 'c + __builtin_ia32_pmaddwd256((i16x16)a, (i16x16)b)']],
  ['2 16', ['__AVX512BW__', 'c + __builtin_ia32_pmaddwd512_mask((i16x32)a, (i16x32)b, c, (unsigned short)-1)']],
]);

export const dot: Render = (form, e, x) => {
  const parts = e.arg as 2 | 4;
  const bits = 32 / parts;
  const products = Array.from({ length: parts }, (_, i) => {
    const up = bits * i;
    const left = parts === 2 ? `((a << ${up}) >> 16)` : `((a >> ${24 - up}) & 255)`;
    return `${left} * ((b << ${up}) >> ${32 - bits})`;
  });
  const [macro, native = ''] = X86_DOT.get(`${parts} ${form.lanes}`) ?? [];
  if (form.lanes > 1) form.unit.type('i16', form.lanes * 2);
  const body = (): string | string[] => nativeOr(macro, native, `c + ${products.join(' + ')}`);
  return form.call(`dot${parts}`, 'i32', { a: 'i32', b: 'i32', c: 'i32' }, x, body);
};
