// How each expression op is written in C, as one table: operand texts in, one C expression out, for scalars and vectors
// alike. Ops that a legalising pass must have removed are absent.
import { type ComputeType, type Expr, type Op, picksOf } from '../../../3-tile/expr.ts';
import { castValue, roundValue } from './casts.ts';
import { Form, literal } from './form.ts';
import { count, divide, extreme, fma, type Render, refuse, remainder, suffix } from './numeric.ts';
import { isFloatScalar, isUnsigned, perLane, scalarBytes, scalarOf, type Unit, unsignedOf } from './unit.ts';

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
  cast: (form, e, x) => castValue(form, e.src[0].dtype, e.dtype, x[0]),
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

const ops = (names: string): ReadonlySet<string> => new Set(names.split(' '));
const FLOAT_ONLY = ops('sqrt fma');
const NOT_ON_FLOATS = ops('not clz popcnt and or xor shl shr');
const NOT_ON_BOOL = ops('neg abs floor ceil trunc nearest clz popcnt sub div rem shl shr ramp bitcast');
const LEAVES = ops('local load guarded');

/** Whether the op on operands of this type can be written in C. */
export function hasForm(op: Op, dtype: ComputeType): boolean {
  if (!TABLE[op]) return LEAVES.has(op);
  if (dtype === 'f32' || dtype === 'f64') return !NOT_ON_FLOATS.has(op);
  return !FLOAT_ONLY.has(op) && !(dtype === 'bool' && NOT_ON_BOOL.has(op));
}

/** The C expression of `e` over its operands' texts. Throws INTERNAL for ops without a C form. */
export function renderOp(unit: Unit, e: Expr, x: readonly string[]): string {
  const render = hasForm(e.op, e.dtype) && TABLE[e.op];
  return render ? render(new Form(unit, e.lanes), e, x, scalarOf(e.dtype)) : refuse(e);
}
