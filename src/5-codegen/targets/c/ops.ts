// How each expression op is written in C, as one table: operand texts in, one C expression out, for scalars and vectors
// alike. Total division, min and max that order zeros and keep NaN, counting bits and multiply-add need more than an
// operator. Ops that a legalising pass must have removed are absent.
import { type ComputeType, DOTS, type DotForm, type Expr, type Op, picksOf, ROUNDINGS } from '../../../3-tile/expr.ts';
import { fits, isIntegral } from '../../../3-tile/range.ts';
import { constOf } from '../../../3-tile/rewrite.ts';
import { TilewrightError } from '../../../support/errors.ts';
import { Form, literal } from './form.ts';
import { castValue } from './memory.ts';
import { roundValue } from './storage.ts';
import type { Scalar, Unit } from './unit.ts';
import { isFloatScalar, isUnsigned, perLane, scalarBytes, scalarOf, unsignedOf } from './unit.ts';

type Render = (form: Form, e: Expr, x: readonly string[], s: Scalar) => string;

const suffix = (s: Scalar): string => (s === 'f32' ? 'f' : '');

function refuse(e: Expr): never {
  throw new TilewrightError('INTERNAL', `c: no form of ${e.op} for ${e.src[0]?.dtype ?? e.dtype} x${e.lanes}`);
}

/** Counting bits through unsigned builtins, lane by lane. */
const count =
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

const remainder: Render = (form, e, x, s) =>
  isFloatScalar(s)
    ? form.lanewise('fmod', s, x, (a, b) => `__builtin_fmod${suffix(s)}(${a}, ${b})`)
    : integerDivision(form, e, x, s, '%');

const divide: Render = (form, e, x, s) =>
  isFloatScalar(s) ? `(${x[0]} / ${x[1]})` : integerDivision(form, e, x, s, '/');

/** x/0 = x%0 = 0; the smallest value over -1 wraps. A constant divisor needs no test. */
function integerDivision(form: Form, e: Expr, x: readonly string[], s: Scalar, symbol: '/' | '%'): string {
  const c = constOf(e.src[1]);
  if (c !== undefined && Number(c) !== 0 && Number(c) !== -1) return `(${x[0]} ${symbol} ${x[1]})`;
  const name = symbol === '/' ? 'div' : 'rem';
  const byMinusOne = symbol === '/' ? '-a' : '0';
  const one = new Form(form.unit, 1).helper(`${name}_${s}`, s, { a: s, b: s }, () => {
    const guarded = isUnsigned(s) ? `a ${symbol} b` : `b == -1 ? ${byMinusOne} : a ${symbol} b`;
    return `b == 0 ? 0 : ${guarded}`;
  });
  return form.lanewise(name, s, x, (a, b) => `${one}(${a}, ${b})`);
}

const extreme =
  (which: 'min' | 'max'): Render =>
  (form, e, x, s) => {
    if (e.dtype === 'bool') return `(${x[0]} ${which === 'min' ? '&' : '|'} ${x[1]})`;
    if (!isFloatScalar(s)) {
      const first = `a ${which === 'min' ? '<' : '>'} b`;
      return form.call(`${which}_${s}`, s, { a: s, b: s }, x, () => form.select(s, form.mask(s, first), 'a', 'b'));
    }
    const c = constOf(e.src[1]) as number | undefined;
    if (c !== undefined && !Number.isNaN(c)) return floatBound(form, which, s, x, c);
    return floatExtreme(form, which, s, x);
  };

/** Vectors of pairs as gcc's builtins take them, by version. */
const PAIRS = `#if __GNUC__ >= 13 && !defined(__clang__)
typedef __bf16 half_word;
#else
typedef short half_word;
#endif
${[4, 8, 16].map((n) => `typedef half_word pairs${n} __attribute__((vector_size(${4 * n})));\n`).join('')}`;

/** min and max that order zeros, as `vrange` is told; they give what is no NaN. */
const RANGE = { min: 4, max: 5 };
const RANGES = '__AVX512DQ__) && defined(__AVX512VL__';

const scaled = (type: string, vector: string): string =>
  `__builtin_ia32_scalefp${type}128_mask((${vector}){a}, (${vector}){b}, (${vector}){a}, (unsigned char)-1)[0]`;

/** Instructions of x86 by gcc's builtins, by operation, type and lanes; what is left open are the operands. */
const X86: ReadonlyMap<string, readonly [macro: string, call: string]> = new Map([
  ['ldexp f32 4', ['__AVX512VL__', '__builtin_ia32_scalefps128_mask(a, b, a, (unsigned char)-1)']],
  ['ldexp f32 8', ['__AVX512VL__', '__builtin_ia32_scalefps256_mask(a, b, a, (unsigned char)-1)']],
  ['ldexp f32 16', ['__AVX512F__', '__builtin_ia32_scalefps512_mask(a, b, a, (unsigned short)-1, 4)']],
  ['ldexp f32 1', ['__AVX512VL__', scaled('s', 'f32x4')]],
  ['ldexp f64 1', ['__AVX512VL__', scaled('d', 'f64x2')]],
  ['ldexp f64 2', ['__AVX512VL__', '__builtin_ia32_scalefpd128_mask(a, b, a, (unsigned char)-1)']],
  ['ldexp f64 4', ['__AVX512VL__', '__builtin_ia32_scalefpd256_mask(a, b, a, (unsigned char)-1)']],
  ['ldexp f64 8', ['__AVX512F__', '__builtin_ia32_scalefpd512_mask(a, b, a, (unsigned char)-1, 4)']],
  ['fma f32 4', ['__FMA__', '__builtin_ia32_vfmaddps(a, b, c)']],
  ['fma f32 8', ['__FMA__', '__builtin_ia32_vfmaddps256(a, b, c)']],
  ['fma f32 16', ['__AVX512F__', '__builtin_ia32_vfmaddps512_mask(a, b, c, (unsigned short)-1, 4)']],
  ['fma f64 2', ['__FMA__', '__builtin_ia32_vfmaddpd(a, b, c)']],
  ['fma f64 4', ['__FMA__', '__builtin_ia32_vfmaddpd256(a, b, c)']],
  ['fma f64 8', ['__AVX512F__', '__builtin_ia32_vfmaddpd512_mask(a, b, c, (unsigned char)-1, 4)']],
  ...(['min', 'max'] as const).flatMap((op): [string, [string, string]][] => [
    [`first_${op} f32 4`, ['__SSE__', `__builtin_ia32_${op}ps(a, b)`]],
    [`first_${op} f32 8`, ['__AVX__', `__builtin_ia32_${op}ps256(a, b)`]],
    [`first_${op} f32 16`, ['__AVX512F__', `__builtin_ia32_${op}ps512_mask(a, b, a, (unsigned short)-1, 4)`]],
    [`ordered_${op} f32 4`, [RANGES, `__builtin_ia32_rangeps128_mask(a, b, ${RANGE[op]}, a, (unsigned char)-1)`]],
    [`ordered_${op} f32 8`, [RANGES, `__builtin_ia32_rangeps256_mask(a, b, ${RANGE[op]}, a, (unsigned char)-1)`]],
    [`ordered_${op} f32 16`, [RANGES, `__builtin_ia32_rangeps512_mask(a, b, ${RANGE[op]}, a, (unsigned short)-1, 4)`]],
  ]),
  ['dot4 i32 4', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v4si(c, a, b)']],
  ['dot4 i32 8', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v8si(c, a, b)']],
  ['dot4 i32 16', ['__AVX512VNNI__', '__builtin_ia32_vpdpbusd_v16si(c, a, b)']],
  ['dot2 i32 4', ['__SSE2__', 'c + __builtin_ia32_pmaddwd128((i16x8)a, (i16x8)b)']],
  ['dot2 i32 8', ['__AVX2__', 'c + __builtin_ia32_pmaddwd256((i16x16)a, (i16x16)b)']],
  ['dot2 i32 16', ['__AVX512BW__', 'c + __builtin_ia32_pmaddwd512_mask((i16x32)a, (i16x32)b, c, (unsigned short)-1)']],
  ...[4, 8, 16].map((n): [string, [string, string]] => {
    const call = `__builtin_ia32_dpbf16ps_v${n}sf(c, (pairs${n})a, (pairs${n})b)`;
    return [`dotbf16 f32 ${n}`, ['__AVX512BF16__', call]];
  }),
  ['nan f32 4', ['__SSE__', '__builtin_ia32_orps(c, __builtin_ia32_cmpunordps(a, b))']],
  ['nan f32 8', ['__AVX__', '__builtin_ia32_orps256(c, __builtin_ia32_cmpps256(a, b, 3))']],
  [
    'nan f32 16',
    [
      '__AVX512F__',
      '__builtin_ia32_addps512_mask(a, b, c, __builtin_ia32_cmpps512_mask(a, b, 3, (unsigned short)-1, 4), 4)',
    ],
  ],
]);

/** A helper over operands a, b, … whose body is one instruction where the compiler has a name for it. */
function instruction(form: Form, op: string, s: Scalar, x: readonly string[], otherwise: () => string, of = s): string {
  const params = Object.fromEntries(['a', 'b', 'c'].slice(0, x.length).map((n, i) => [n, i < 2 ? of : s]));
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
 * NaN, which the sum of the operands, or a word of ones, is then.
 */
function floatExtreme(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[]): string {
  return form.call(`${which}_${s}`, s, { a: s, b: s }, x, () => {
    const u = unsignedOf(s);
    const both = (): string => {
      const [p, q] = [firstOf(form, which, s, 'a', 'b'), firstOf(form, which, s, 'b', 'a')];
      return form.bits(u, s, `(${form.bits(s, u, p)} ${which === 'min' ? '|' : '&'} ${form.bits(s, u, q)})`);
    };
    const ordered = instruction(form, `ordered_${which}`, s, ['a', 'b'], both);
    const unordered = (): string =>
      form.select(s, `(${form.mask(s, 'a != a')} | ${form.mask(s, 'b != b')})`, '(a + b)', 'c');
    return instruction(form, 'nan', s, ['a', 'b', ordered], unordered);
  });
}

const fma: Render = (form, _e, x, s) => {
  const call = (a: string, b: string, c: string): string => `__builtin_fma${suffix(s)}(${a}, ${b}, ${c})`;
  if (form.lanes === 1) return call(x[0], x[1], x[2]);
  return instruction(form, 'fma', s, x, () => form.eachLane(s, (l) => call(`a${l}`, `b${l}`, `c${l}`)));
};

/** a 2^floor(b) of a library where no instruction does it; 0 times infinity is NaN only where b is infinite. */
const ldexp: Render = (form, _e, x, s) => {
  if (form.lanes === 1) form.unit.type(s, 16 / scalarBytes(s));
  const far = (b: string): string => `(${b} > 0 ? __builtin_inf() : ${b} < 0 ? 0 : ${b})`;
  const near = (b: string): string => `(i32)(${b} > 4000 ? 4000 : ${b} < -4000 ? -4000 : __builtin_floor(${b}))`;
  const one = (a: string, b: string): string =>
    `(${b} - ${b} != 0 ? (${a} != ${a} && ${b} == ${b} ? 1 : ${a}) * (${s})${far(b)} : __builtin_scalbn${suffix(s)}(${a}, ${near(b)}))`;
  return instruction(form, 'ldexp', s, x, () => form.eachLane(s, (l) => one(`a${l}`, `b${l}`)));
};

const dot: Render = (form, e, x, s) => {
  const { parts, element } = DOTS[e.arg as DotForm];
  const float = (word: string, up: number): string => form.bits('i32', 'f32', `((${word} << ${up}) & -65536)`);
  const bits = 32 / parts;
  const product = (_: unknown, i: number): string => {
    const up = bits * i;
    if (element === 'bf16') return `${float('a', up)} * ${float('b', up)}`;
    const left = parts === 2 ? `((a << ${up}) >> 16)` : `((a >> ${24 - up}) & 255)`;
    return `${left} * ((b << ${up}) >> ${32 - bits})`;
  };
  if (element === 'bf16') form.unit.need('pairs', () => PAIRS);
  else if (form.lanes > 1) form.unit.type('i16', form.lanes * 2);
  const sums = (): string => `c + ${Array.from({ length: parts }, product).join(' + ')}`;
  return instruction(form, `dot${e.arg}`, s, x, sums, 'i32');
};

/** Plain operators, since -fwrapv makes integers wrap; add and mul of bools are the or and and of a lattice. */
const infix =
  (symbol: string, onBool = symbol): Render =>
  (_form, e, x) =>
    `(${x[0]} ${e.dtype === 'bool' ? onBool : symbol} ${x[1]})`;

/** A comparison; vector booleans are 0/-1, so their order is reversed. */
const compare =
  (symbol: string, reversed = symbol): Render =>
  (form, e, x) => {
    const s = scalarOf(e.src[0].dtype);
    const sign = e.src[0].dtype === 'bool' && form.lanes > 1 ? reversed : symbol;
    return form.mask(s, `${x[0]} ${sign} ${x[1]}`);
  };

/** A compiler builtin on every lane; integers are unchanged. */
const rounding =
  (builtin: string): Render =>
  (form, _e, x, s) =>
    isFloatScalar(s) ? form.lanewise(builtin, s, x, (v) => `__builtin_${builtin}${suffix(s)}(${v})`) : x[0];

const abs: Render = (form, _e, x, s) => {
  if (isUnsigned(s)) return x[0];
  if (isFloatScalar(s)) {
    if (form.lanes === 1) return `__builtin_fabs${suffix(s)}(${x[0]})`;
    const u = unsignedOf(s);
    const mask = s === 'f32' ? '0x7fffffffu' : '0x7fffffffffffffffull';
    return form.bits(u, s, `(${form.bits(s, u, x[0])} & ${mask})`);
  }
  return form.call(`abs_${s}`, s, { x: s }, x, () => form.select(s, form.mask(s, 'x < 0'), '(-x)', 'x'));
};

const not: Render = (form, e, x) => (e.dtype === 'bool' && form.lanes === 1 ? `(${x[0]} ^ 1)` : `(~${x[0]})`);

const isInfinite: Render = (form, e, x) => {
  const s = scalarOf(e.src[0].dtype);
  if (!isFloatScalar(s)) return form.splat('i32', '0');
  const magnitude = abs(form, e.src[0], x, s);
  return form.mask(s, `${magnitude} == ${form.splat(s, `__builtin_inf${suffix(s)}()`)}`);
};

const isNan: Render = (form, e, x) => {
  const s = scalarOf(e.src[0].dtype);
  if (!isFloatScalar(s)) return form.splat('i32', '0');
  return form.call(`isnan_${s}`, 'i32', { x: s }, x, () => form.mask(s, 'x != x'));
};

/** Shift counts are taken modulo the width; left shifts happen in the unsigned type. */
const shift =
  (symbol: '<<' | '>>'): Render =>
  (form, _e, x, s) => {
    const bits = `(${x[1]} & ${scalarBytes(s) * 8 - 1})`;
    if (symbol === '>>') return `(${x[0]} >> ${bits})`;
    const u = unsignedOf(s);
    return form.bits(u, s, `(${form.bits(s, u, x[0])} << ${form.bits(s, u, bits)})`);
  };

const select: Render = (form, e, [mask, then, otherwise], s) =>
  e.src[0].lanes === 1 ? `(${mask} ? ${then} : ${otherwise})` : form.select(s, mask, then, otherwise);

/** A scalar bool is 0/1, a lane of a mask 0/-1. */
const toLane = (form: Form, e: Expr, x: string): string => (e.dtype === 'bool' && form.lanes > 1 ? `(-(${x}))` : x);

const ramp: Render = (form, _e, x, s) => `(${form.splat(s, x[0])} + (${form.type(s)}){${perLane(form.lanes, String)}})`;

const shuffle: Render = (form, e, x, s) => {
  if (e.op !== 'shuffle') return refuse(e);
  const from = form.unit.type(s, e.src[0].lanes);
  const half = e.src[0].lanes;
  const pick = (i: number): string => (i < half ? `a[${i}]` : `b[${i - half}]`);
  const name = `shuffle_${from}_${e.arg}`;
  const body = `#if defined(__clang__) || __GNUC__ >= 12
  return __builtin_shufflevector(a, b, ${e.arg.replaceAll('_', ', ')});
#else
  return (${form.type(s)}){${picksOf(e).map(pick).join(', ')}};
#endif`;
  form.unit.need(name, () => `INLINE ${form.type(s)} ${name}(${from} a, ${from} b) {\n${body}\n}\n`);
  return `${name}(${x.join(', ')})`;
};

/** Whether a float is known not to be below 0, or is NaN: what a rectifier leaves, scaled and rounded. */
function isNonNegative({ op, src }: Expr): boolean {
  const [c] = src.slice(1).map(constOf);
  const positive = typeof c === 'number' && c >= 0;
  if (op === 'max') return positive;
  if (op === 'mul' || op === 'div') return positive && isNonNegative(src[0]);
  return ROUNDINGS.some((r) => r === op) && isNonNegative(src[0]);
}

/** Whether a float lies between bounds that are values of the integer type, or is NaN. */
function isWithin(x: Expr, to: ComputeType): boolean {
  if (x.op !== 'min' || !isIntegral(to)) return false;
  const inner = x.src[0];
  const ends = [constOf(x.src[1]), inner.op === 'max' ? constOf(inner.src[1]) : isNonNegative(inner) ? 0 : undefined];
  return ends.every((c) => typeof c === 'number' && fits(to, [c, c]));
}

const TABLE: Partial<Record<Op, Render>> = {
  const: (form, e, _x, s) => form.splat(s, toLane(form, e, literal(e))),
  neg: (_form, _e, x) => `(-${x[0]})`,
  abs,
  not,
  floor: rounding('floor'),
  ceil: rounding('ceil'),
  trunc: rounding('trunc'),
  nearest: rounding('rint'),
  sqrt: rounding('sqrt'),
  isnan: isNan,
  isinf: isInfinite,
  clz: count('clz'),
  popcnt: count('popcount'),
  add: infix('+', '|'),
  sub: infix('-'),
  mul: infix('*', '&'),
  div: divide,
  rem: remainder,
  min: extreme('min'),
  max: extreme('max'),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  shl: shift('<<'),
  shr: shift('>>'),
  eq: compare('=='),
  ne: compare('!='),
  lt: compare('<', '>'),
  le: compare('<=', '>='),
  gt: compare('>', '<'),
  ge: compare('>=', '<='),
  select,
  fma,
  ldexp,
  dot,
  cast: (form, e, x) => castValue(form, e.src[0].dtype, e.dtype, x[0], isWithin(e.src[0], e.dtype)),
  bitcast: (form, e, x, s) => form.bits(scalarOf(e.src[0].dtype), s, x[0]),
  round: (form, e, x) => (e.op === 'round' ? roundValue(form, e.arg, e.dtype, x[0]) : refuse(e)),
  splat: (form, e, x, s) => form.splat(s, toLane(form, e, x[0])),
  pack: (form, e, x, s) => `((${form.type(s)}){${x.map((v) => toLane(form, e, v)).join(', ')}})`,
  lane: (_form, e, x) => {
    if (e.op !== 'lane') return refuse(e);
    if (e.src[0].lanes === 1) return x[0];
    return e.dtype === 'bool' ? `(${x[0]}[${e.arg}] & 1)` : `${x[0]}[${e.arg}]`;
  },
  shuffle,
  ramp,
};

/** The C expression of `e` over its operands' texts. Throws INTERNAL for ops without a C form. */
export function renderOp(unit: Unit, e: Expr, x: readonly string[]): string {
  const render = TABLE[e.op];
  return render ? render(new Form(unit, e.lanes), e, x, scalarOf(e.dtype)) : refuse(e);
}
