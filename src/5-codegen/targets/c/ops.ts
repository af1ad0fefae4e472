// How each expression op is written in C, as one table: operand texts in, one C expression out, for scalars and vectors
// alike. Ops that a legalising pass must have removed are absent.
import type { ComputeType, Expr, Op } from '../../../3-tile/expr.ts';
import { castValue, roundValue } from './casts.ts';
import { Form, literal } from './form.ts';
import { count, divide, extreme, fma, type Render, refuse, remainder, suffix } from './numeric.ts';
import { isFloatScalar, isUnsigned, perLane, scalarBytes, scalarOf, type Unit, unsignedOf } from './unit.ts';

/** add, sub and mul: plain, since -fwrapv makes integers wrap; on bool or/and as a lattice. */
const arithmetic =
  (symbol: string, onBool?: string): Render =>
  (_form, e, x) => {
    if (e.dtype !== 'bool') return `(${x[0]} ${symbol} ${x[1]})`;
    return onBool ? `(${x[0]} ${onBool} ${x[1]})` : refuse(e);
  };

/** A comparison; vector booleans are 0/-1, so their order is reversed. */
const compare =
  (symbol: string, reversed = symbol): Render =>
  (form, e, x) => {
    const s = scalarOf(e.src[0].dtype);
    const sign = e.src[0].dtype === 'bool' && form.lanes > 1 ? reversed : symbol;
    return form.mask(s, `${x[0]} ${sign} ${x[1]}`);
  };

/** Rounding to an integer: a compiler builtin on every lane; integers are unchanged. */
const rounding =
  (builtin: string): Render =>
  (form, e, x, s) =>
    isFloatScalar(s)
      ? form.lanewise(builtin, s, x, (v) => `__builtin_${builtin}${suffix(s)}(${v})`)
      : e.dtype === 'bool'
        ? refuse(e)
        : x[0];

const abs: Render = (form, e, x, s) => {
  if (e.dtype === 'bool') refuse(e);
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
  (form, e, x, s) => {
    if (isFloatScalar(s) || e.dtype === 'bool') refuse(e);
    const count_ = `(${x[1]} & ${scalarBytes(s) * 8 - 1})`;
    if (symbol === '>>') return `(${x[0]} >> ${count_})`;
    const u = unsignedOf(s);
    return form.bits(u, s, `(${form.bits(s, u, x[0])} << ${form.bits(s, u, count_)})`);
  };

/** Bitwise; on floats there is none. */
const bitwise =
  (symbol: string): Render =>
  (_form, e, x, s) =>
    isFloatScalar(s) ? refuse(e) : `(${x[0]} ${symbol} ${x[1]})`;

const select: Render = (form, e, x, s) => {
  if (e.src[0].lanes === 1) return `(${x[0]} ? ${x[1]} : ${x[2]})`;
  return form.select(s, x[0], x[1], x[2]);
};

/** A scalar bool is 0/1, a lane of a mask 0/-1. */
const toLane = (e: Expr, x: string): string => (e.dtype === 'bool' ? `(-(${x}))` : x);

const ramp: Render = (form, _e, x, s) => `(${form.splat(s, x[0])} + (${form.type(s)}){${perLane(form.lanes, String)}})`;

const TABLE: Partial<Record<Op, Render>> = {
  const: (form, e, _x, s) => form.splat(s, toLaneConstant(e, form)),
  neg: (_form, e, x) => (e.dtype === 'bool' ? refuse(e) : `(-${x[0]})`),
  abs,
  not,
  floor: rounding('floor'),
  ceil: rounding('ceil'),
  trunc: rounding('trunc'),
  nearest: rounding('rint'),
  sqrt: (form, e, x, s) => (isFloatScalar(s) ? rounding('sqrt')(form, e, x, s) : refuse(e)),
  isnan: isNan,
  isinf: isInfinite,
  clz: count('clz'),
  popcnt: count('popcount'),
  add: arithmetic('+', '|'),
  sub: arithmetic('-'),
  mul: arithmetic('*', '&'),
  div: divide,
  rem: remainder,
  min: extreme('min'),
  max: extreme('max'),
  and: bitwise('&'),
  or: bitwise('|'),
  xor: bitwise('^'),
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
  cast: (form, e, x) => castValue(form, e.src[0].dtype, e.dtype, x[0]),
  bitcast: (form, e, x, s) => form.bits(scalarOf(e.src[0].dtype), s, x[0]),
  round: (form, e, x) => (e.op === 'round' ? roundValue(form, e.arg, e.dtype, x[0]) : refuse(e)),
  splat: (form, e, x, s) => form.splat(s, form.lanes > 1 ? toLane(e, x[0]) : x[0]),
  pack: (form, e, x, s) => `((${form.type(s)}){${x.map((v) => (form.lanes > 1 ? toLane(e, v) : v)).join(', ')}})`,
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

const ops = (names: string): ReadonlySet<string> => new Set(names.split(' '));
const FLOAT_ONLY = ops('sqrt fma');
const NOT_ON_FLOATS = ops('not clz popcnt and or xor shl shr');
const NOT_ON_BOOL = ops('neg abs floor ceil trunc nearest clz popcnt sub div rem shl shr ramp bitcast');
const LEAVES = ops('local load guarded');

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
