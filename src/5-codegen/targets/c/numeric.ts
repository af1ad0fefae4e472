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

/** gcc's builtins on x86 by operation, type and lanes; what is left open stands for the operands. */
const X86: ReadonlyMap<string, readonly [macro: string, call: string]> = new Map([
  ['fma f32 4', ['__FMA__', '__builtin_ia32_vfmaddps(a, b, c)']],
  ['fma f32 8', ['__FMA__', '__builtin_ia32_vfmaddps256(a, b, c)']],
  ['fma f32 16', ['__AVX512F__', '__builtin_ia32_vfmaddps512_mask(a, b, c, (unsigned short)-1, 4)']],
  ['fma f64 2', ['__FMA__', '__builtin_ia32_vfmaddpd(a, b, c)']],
  ['fma f64 4', ['__FMA__', '__builtin_ia32_vfmaddpd256(a, b, c)']],
  ['fma f64 8', ['__AVX512F__', '__builtin_ia32_vfmaddpd512_mask(a, b, c, (unsigned char)-1, 4)']],
  ...['min', 'max'].flatMap((op): [string, [string, string]][] => [
    [`first_${op} f32 4`, ['__SSE__', `__builtin_ia32_${op}ps(a, b)`]],
    [`first_${op} f32 8`, ['__AVX__', `__builtin_ia32_${op}ps256(a, b)`]],
    [`first_${op} f32 16`, ['__AVX512F__', `__builtin_ia32_${op}ps512_mask(a, b, a, (unsigned short)-1, 4)`]],
  ]),
  ['nan f32 8', ['__AVX__', '__builtin_ia32_blendvps256(c, a + b, __builtin_ia32_cmpps256(a, b, 3))']],
  [
    'nan f32 16',
    [
      '__AVX512F__',
      '__builtin_ia32_addps512_mask(a, b, c, __builtin_ia32_cmpps512_mask(a, b, 3, (unsigned short)-1, 4), 4)',
    ],
  ],
]);

/** A helper over operands a, b, … whose body is one instruction where the compiler has a name for it. */
function instruction(form: Form, op: string, s: Scalar, x: readonly string[], otherwise: () => string): string {
  const params = Object.fromEntries(['a', 'b', 'c'].slice(0, x.length).map((n) => [n, s]));
  const [macro, call] = X86.get(`${op} ${s} ${form.lanes}`) ?? [];
  const native = `#if defined(${macro}) && !defined(__clang__)\n  return ${call};\n#else`;
  const body = (): string | string[] => (macro ? [native, `return ${otherwise()};`, '#endif'] : otherwise());
  return form.call(`${op}_${s}`, s, params, x, body);
}

/** `a sign b ? a : b`, as x86 has it: b where both are equal or one is NaN. */
const firstOf = (form: Form, which: 'min' | 'max', s: Scalar, a: string, b: string): string =>
  instruction(form, `first_${which}`, s, [a, b], () =>
    form.select(s, form.mask(s, `a ${which === 'min' ? '<' : '>'} b`), 'a', 'b'),
  );

/**
 * min or max with a constant: `c sign x ? c : x` keeps NaN, and gives x where both are equal; so only the zero that
 * loses against the other zero needs more: adding +0 turns -0 into +0.
 */
function floatBound(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[], c: number): string {
  if (which === 'min' && Object.is(c, -0)) return floatExtreme(form, which, s, x);
  const text = firstOf(form, which, s, x[1], x[0]);
  return which === 'max' && Object.is(c, 0) ? `(${text} + ${suffix(s) ? '0.0f' : '0.0'})` : text;
}

/**
 * Both orders of operands agree but for zeros of different sign, where their bits joined are the right zero, and for
 * NaN, which the sum of the operands is then.
 */
function floatExtreme(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[]): string {
  return form.call(`${which}_${s}`, s, { a: s, b: s }, x, () => {
    const u = unsignedOf(s);
    const [p, q] = [firstOf(form, which, s, 'a', 'b'), firstOf(form, which, s, 'b', 'a')];
    const bits = `(${form.bits(s, u, p)} ${which === 'min' ? '|' : '&'} ${form.bits(s, u, q)})`;
    const unordered = (): string =>
      form.select(s, `(${form.mask(s, 'a != a')} | ${form.mask(s, 'b != b')})`, '(a + b)', 'c');
    return instruction(form, 'nan', s, ['a', 'b', form.bits(u, s, bits)], unordered);
  });
}

export const fma: Render = (form, _e, x, s) => {
  const call = (a: string, b: string, c: string): string => `__builtin_fma${suffix(s)}(${a}, ${b}, ${c})`;
  if (form.lanes === 1) return call(x[0], x[1], x[2]);
  return instruction(form, 'fma', s, x, () => form.eachLane(s, (l) => call(`a${l}`, `b${l}`, `c${l}`)));
};
