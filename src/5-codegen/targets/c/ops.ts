// How each expression op is written in C, as one table: operand texts in, one C expression out, for
// scalars and vectors alike. Ops that a legalising pass must have removed are absent.
import { TilewrightError } from '../../../support/errors.ts';
import type { ComputeType, Expr, Op } from '../../../3-tile/expr.ts';
import { castValue, roundValue } from './casts.ts';
import { Form } from './form.ts';
import { literal } from './literal.ts';
import {
  isFloatScalar, isUnsigned, perLane, type Scalar, scalarBytes, scalarOf, unsignedOf, type Unit,
} from './unit.ts';

type Render = (form: Form, e: Expr, x: readonly string[], s: Scalar) => string;

const suffix = (s: Scalar): string => (s === 'f32' ? 'f' : '');

function refuse(e: Expr): never {
  throw new TilewrightError('INTERNAL', `c: no form of ${e.op} for ${e.src[0]?.dtype ?? e.dtype} x${e.lanes}`);
}


/** add, sub and mul: plain, since -fwrapv makes integers wrap; on bool or/and as a lattice. */
const arithmetic = (symbol: string, onBool?: string): Render => (_form, e, x) => {
  if (e.dtype !== 'bool') return `(${x[0]} ${symbol} ${x[1]})`;
  return onBool ? `(${x[0]} ${onBool} ${x[1]})` : refuse(e);
};

/** A comparison; vector booleans are 0/-1, so their order is reversed. */
const compare = (symbol: string, reversed = symbol): Render => (form, e, x) => {
  const s = scalarOf(e.src[0].dtype);
  const sign = e.src[0].dtype === 'bool' && form.lanes > 1 ? reversed : symbol;
  return form.mask(s, `${x[0]} ${sign} ${x[1]}`);
};

/** Rounding to an integer: a compiler builtin on every lane; integers are unchanged. */
const rounding = (builtin: string): Render => (form, e, x, s) =>
  isFloatScalar(s) ? eachLane(form, builtin, s, (v) => `__builtin_${builtin}${suffix(s)}(${v})`, x[0]) :
    e.dtype === 'bool' ? refuse(e) : x[0];

function eachLane(form: Form, name: string, s: Scalar, f: (v: string) => string, x: string): string {
  if (form.lanes === 1) return f(x);
  const full = form.helper(`${name}_${s}`, s, [[s, 'x']], () =>
    `  return ${form.eachLane(s, (lane) => f(`x${lane}`))};\n`);
  return `${full}(${x})`;
}

const abs: Render = (form, e, x, s) => {
  if (e.dtype === 'bool') refuse(e);
  if (isUnsigned(s)) return x[0];
  if (isFloatScalar(s)) {
    if (form.lanes === 1) return `__builtin_fabs${suffix(s)}(${x[0]})`;
    const u = unsignedOf(s);
    const mask = s === 'f32' ? '0x7fffffffu' : '0x7fffffffffffffffull';
    return form.bits(u, s, `(${form.bits(s, u, x[0])} & ${mask})`);
  }
  const name = form.helper(`abs_${s}`, s, [[s, 'x']], () =>
    `  return ${form.select(s, form.mask(s, 'x < 0'), '(-x)', 'x')};\n`);
  return `${name}(${x[0]})`;
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
  const name = form.helper(`isnan_${s}`, 'i32', [[s, 'x']], () => `  return ${form.mask(s, 'x != x')};\n`);
  return `${name}(${x[0]})`;
};

/** Counting bits through unsigned builtins, lane by lane. */
const count = (name: 'clz' | 'popcount'): Render => (form, e, x, s) => {
  if (isFloatScalar(s) || e.dtype === 'bool') refuse(e);
  const bits = scalarBytes(s) * 8;
  const u = unsignedOf(s);
  const builtin = `__builtin_${name}${bits === 64 ? 'll' : ''}`;
  const one = (v: string): string =>
    name === 'clz' ? `(${v} == 0 ? ${bits} : ${builtin}((${u})${v}))` : `${builtin}((${u})${v})`;
  const full = form.helper(`${name}_${s}`, s, [[s, 'x']], () =>
    `  return ${form.eachLane(s, (lane) => one(`x${lane}`))};\n`);
  return `${full}(${x[0]})`;
};

/** The constant behind an operand, through a splat. */
function constantOf(e: Expr): number | bigint | undefined {
  if (e.op === 'const') return e.arg;
  return e.op === 'splat' ? constantOf(e.src[0]) : undefined;
}

const remainder: Render = (form, e, x, s) => (isFloatScalar(s)
  ? twoLanes(form, 'fmod', s, (a, b) => `__builtin_fmod${suffix(s)}(${a}, ${b})`, x)
  : integerDivision('%')(form, e, x, s));

const divide: Render = (form, e, x, s) =>
  isFloatScalar(s) ? `(${x[0]} / ${x[1]})` : integerDivision('/')(form, e, x, s);

/** x/0 = x%0 = 0; the smallest value over -1 wraps. A constant divisor needs no test. */
const integerDivision = (symbol: '/' | '%'): Render => (form, e, x, s) => {
  if (e.dtype === 'bool') refuse(e);
  const c = constantOf(e.src[1]);
  if (c !== undefined && Number(c) !== 0 && Number(c) !== -1) return `(${x[0]} ${symbol} ${x[1]})`;
  const byMinusOne = symbol === '/' ? '-a' : '0';
  const one = new Form(form.unit, 1).helper(`${symbol === '/' ? 'div' : 'rem'}_${s}`, s, [[s, 'a'], [s, 'b']], () => {
    const guarded = isUnsigned(s) ? `a ${symbol} b` : `b == -1 ? ${byMinusOne} : a ${symbol} b`;
    return `  return b == 0 ? 0 : ${guarded};\n`;
  });
  return twoLanes(form, one, s, (a, b) => `${one}(${a}, ${b})`, x);
};

function twoLanes(
  form: Form, name: string, s: Scalar, f: (a: string, b: string) => string, x: readonly string[],
): string {
  if (form.lanes === 1) return f(x[0], x[1]);
  const full = form.helper(`each_${name}_${s}`, s, [[s, 'a'], [s, 'b']], () =>
    `  return ${form.eachLane(s, (lane) => f(`a${lane}`, `b${lane}`))};\n`);
  return `${full}(${x[0]}, ${x[1]})`;
}

const extreme = (which: 'min' | 'max'): Render => (form, e, x, s) => {
  if (e.dtype === 'bool') return `(${x[0]} ${(which === 'min') ? '&' : '|'} ${x[1]})`;
  const sign = which === 'min' ? '<' : '>';
  if (!isFloatScalar(s)) {
    const name = form.helper(`${which}_${s}`, s, [[s, 'a'], [s, 'b']], () =>
      `  return ${form.select(s, form.mask(s, `a ${sign} b`), 'a', 'b')};\n`);
    return `${name}(${x[0]}, ${x[1]})`;
  }
  const c = constantOf(e.src[1]) as number | undefined;
  if (c !== undefined && !Number.isNaN(c)) return floatBound(form, which, s, x, c);
  return floatExtreme(form, which, s, x);
};

/**
 * min or max with a constant: `c sign x ? c : x` keeps NaN, and gives x where both are equal; so
 * only the zero that loses against the other zero needs more: adding +0 turns -0 into +0.
 */
function floatBound(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[], c: number): string {
  if (which === 'min' && Object.is(c, -0)) return floatExtreme(form, which, s, x);
  const sign = which === 'min' ? '<' : '>';
  const name = form.helper(`${which}_bound_${s}`, s, [[s, 'x'], [s, 'c']], () =>
    `  return ${form.select(s, form.mask(s, `c ${sign} x`), 'c', 'x')};\n`);
  const text = `${name}(${x[0]}, ${x[1]})`;
  return which === 'max' && Object.is(c, 0) ? `(${text} + ${suffix(s) ? '0.0f' : '0.0'})` : text;
}

/**
 * Where neither operand is smaller, both are equal or one is NaN: the union of the bits is then the
 * smaller zero, the common value, or a NaN. max is min under a flip of the signs.
 */
function floatExtreme(form: Form, which: 'min' | 'max', s: Scalar, x: readonly string[]): string {
  const name = form.helper(`${which}_${s}`, s, [[s, 'a'], [s, 'b']], () => {
    const u = unsignedOf(s);
    const [a, b] = [form.bits(s, u, 'a'), form.bits(s, u, 'b')];
    const sign = s === 'f32' ? '0x80000000u' : '0x8000000000000000ull';
    const tie = which === 'min' ? `(${a} | ${b})` : `(((${a} ^ ${sign}) | (${b} ^ ${sign})) ^ ${sign})`;
    const [first, second] = which === 'min' ? ['a < b', 'b < a'] : ['a > b', 'b > a'];
    const rest = form.select(s, form.mask(s, second), 'b', form.bits(u, s, tie));
    return `  return ${form.select(s, form.mask(s, first), 'a', rest)};\n`;
  });
  return `${name}(${x[0]}, ${x[1]})`;
}

/** Shift counts are taken modulo the width; left shifts happen in the unsigned type. */
const shift = (symbol: '<<' | '>>'): Render => (form, e, x, s) => {
  if (isFloatScalar(s) || e.dtype === 'bool') refuse(e);
  const count_ = `(${x[1]} & ${scalarBytes(s) * 8 - 1})`;
  if (symbol === '>>') return `(${x[0]} >> ${count_})`;
  const u = unsignedOf(s);
  return form.bits(u, s, `(${form.bits(s, u, x[0])} << ${form.bits(s, u, count_)})`);
};

/** Bitwise; on floats there is none. */
const bitwise = (symbol: string): Render => (_form, e, x, s) =>
  isFloatScalar(s) ? refuse(e) : `(${x[0]} ${symbol} ${x[1]})`;

const select: Render = (form, e, x, s) => {
  if (e.src[0].lanes === 1) return `(${x[0]} ? ${x[1]} : ${x[2]})`;
  return form.select(s, x[0], x[1], x[2]);
};

/** gcc's builtins per type and lanes: lanes written one by one become them only with luck. */
const X86_FMA: ReadonlyMap<string, readonly [macro: string, builtin: string, extra: string]> = new Map([
  ['f32 4', ['__FMA__', '__builtin_ia32_vfmaddps', '']],
  ['f32 8', ['__FMA__', '__builtin_ia32_vfmaddps256', '']],
  ['f32 16', ['__AVX512F__', '__builtin_ia32_vfmaddps512_mask', ', (unsigned short)-1, 4']],
  ['f64 2', ['__FMA__', '__builtin_ia32_vfmaddpd', '']],
  ['f64 4', ['__FMA__', '__builtin_ia32_vfmaddpd256', '']],
  ['f64 8', ['__AVX512F__', '__builtin_ia32_vfmaddpd512_mask', ', (unsigned char)-1, 4']],
]);

const fma: Render = (form, e, x, s) => {
  if (!isFloatScalar(s)) refuse(e);
  const call = (a: string, b: string, c: string): string => `__builtin_fma${suffix(s)}(${a}, ${b}, ${c})`;
  if (form.lanes === 1) return call(x[0], x[1], x[2]);
  const name = form.helper(`fma_${s}`, s, [[s, 'a'], [s, 'b'], [s, 'c']], () => {
    const lanewise = `  return ${form.eachLane(s, (l) => call(`a${l}`, `b${l}`, `c${l}`))};\n`;
    const native = X86_FMA.get(`${s} ${form.lanes}`);
    if (!native) return lanewise;
    const [macro, builtin, extra] = native;
    const one = `  return ${builtin}(a, b, c${extra});\n`;
    return `#if defined(${macro}) && !defined(__clang__)\n${one}#else\n${lanewise}#endif\n`;
  });
  return `${name}(${x.join(', ')})`;
};

/** A scalar bool is 0/1, a lane of a mask 0/-1. */
const toLane = (e: Expr, x: string): string => (e.dtype === 'bool' ? `(-(${x}))` : x);

const ramp: Render = (form, _e, x, s) =>
  `(${form.splat(s, x[0])} + (${form.type(s)}){${perLane(form.lanes, String)}})`;

const TABLE: Partial<Record<Op, Render>> = {
  const: (form, e, _x, s) => form.splat(s, toLaneConstant(e, form)),
  neg: (_form, e, x) => (e.dtype === 'bool' ? refuse(e) : `(-${x[0]})`),
  abs, not, floor: rounding('floor'), ceil: rounding('ceil'), trunc: rounding('trunc'),
  nearest: rounding('rint'),
  sqrt: (form, e, x, s) => (isFloatScalar(s) ? rounding('sqrt')(form, e, x, s) : refuse(e)),
  isnan: isNan, isinf: isInfinite, clz: count('clz'), popcnt: count('popcount'),
  add: arithmetic('+', '|'), sub: arithmetic('-'), mul: arithmetic('*', '&'),
  div: divide, rem: remainder, min: extreme('min'), max: extreme('max'),
  and: bitwise('&'), or: bitwise('|'), xor: bitwise('^'), shl: shift('<<'), shr: shift('>>'),
  eq: compare('=='), ne: compare('!='), lt: compare('<', '>'), le: compare('<=', '>='),
  gt: compare('>', '<'), ge: compare('>=', '<='),
  select, fma,
  cast: (form, e, x) => castValue(form, e.src[0].dtype, e.dtype, x[0]),
  bitcast: (form, e, x, s) => form.bits(scalarOf(e.src[0].dtype), s, x[0]),
  round: (form, e, x) => (e.op === 'round' ? roundValue(form, e.arg, e.dtype, x[0]) : refuse(e)),
  splat: (form, e, x, s) => form.splat(s, form.lanes > 1 ? toLane(e, x[0]) : x[0]),
  pack: (form, e, x, s) =>
    `((${form.type(s)}){${x.map((v) => (form.lanes > 1 ? toLane(e, v) : v)).join(', ')}})`,
  lane: (_form, e, x) => {
    if (e.op !== 'lane') return refuse(e);
    if (e.src[0].lanes === 1) return x[0];
    return e.dtype === 'bool' ? `(${x[0]}[${e.arg}] & 1)` : `${x[0]}[${e.arg}]`;
  },
  ramp,
};

function toLaneConstant(e: Expr, form: Form): string {
  const text = literal(e);
  return form.lanes > 1 ? toLane(e, text) : text;
}

const FLOAT_ONLY: ReadonlySet<Op> = new Set(['sqrt', 'fma']);
const NOT_ON_FLOATS: ReadonlySet<Op> = new Set(['not', 'clz', 'popcnt', 'and', 'or', 'xor', 'shl', 'shr']);
const NOT_ON_BOOL: ReadonlySet<Op> = new Set([
  'neg', 'abs', 'floor', 'ceil', 'trunc', 'nearest', 'clz', 'popcnt', 'sub', 'div', 'rem', 'shl', 'shr',
  'ramp', 'bitcast',
]);
const LEAVES: ReadonlySet<Op> = new Set(['local', 'load', 'guarded']);

/** Whether the op on operands of this type can be written in C. */
export function hasForm(op: Op, dtype: ComputeType): boolean {
  if (LEAVES.has(op)) return true;
  if (!TABLE[op]) return false;
  const float = dtype === 'f32' || dtype === 'f64';
  if (FLOAT_ONLY.has(op)) return float;
  return !(float && NOT_ON_FLOATS.has(op)) && !(dtype === 'bool' && NOT_ON_BOOL.has(op));
}

/** The C expression of `e` over its operands' texts. Throws INTERNAL for ops without a C form. */
export function renderOp(unit: Unit, e: Expr, x: readonly string[]): string {
  const render = TABLE[e.op];
  if (!render) return refuse(e);
  return render(new Form(unit, e.lanes), e, x, scalarOf(e.dtype));
}

