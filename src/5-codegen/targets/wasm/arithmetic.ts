// Instruction selection for arithmetic and conversions: an op on operands of one form gives values
// with exactly the total semantics of expressions. Most ops are one instruction found by name; the
// tables below hold the others. What has no vector instruction is done lane by lane.
import type { BinaryOp, ComputeType, DotForm, Expr, UnaryOp } from '../../../3-tile/expr.ts';
import { localExpr, newLocal, perOp, ROUNDINGS, resultType } from '../../../3-tile/expr.ts';
import { operandsOf } from '../../../3-tile/rewrite.ts';
import { invariant } from '../../../support/errors.ts';
import { memoised } from '../../../support/rewrite.ts';
import type { Form } from './forms.ts';
import { constantOf, is64, isFloatType, lane, pack, perLane, prefix, scalarType, signOf, splat } from './forms.ts';
import { type InstructionName, known, named } from './instructions.ts';
import { isConstant, type Value, type Values } from './value.ts';

type ArithmeticOp = UnaryOp | BinaryOp;
/** Null: one instruction of the op's name, or lane by lane. */
type Rule = (v: Values, form: Form, a: Value, b: Value) => Value | null;
type Rules = Partial<Record<ArithmeticOp, Rule>>;

/** The instruction of this name on this form, with or without a sign suffix. */
function direct(v: Values, op: string, form: Form, src: readonly Value[]): Value | null {
  const own = `${prefix(form)}.${op}`;
  const whole = form.lanes > 1 ? known(`v128.${op}`) : undefined;
  const name = known(own) ?? known(`${own}_${signOf(form.dtype)}`) ?? whole;
  return name ? v.op(name, src) : null;
}

const identity: Rule = (_, __, x) => x;
const never: Rule = (v, { lanes }) => constantOf(v, { dtype: 'bool', lanes }, 0);

/** Hardware traps for divisors 0 and, signed, for the smallest integer by -1. */
const division =
  (op: 'div' | 'rem'): Rule =>
  (v, form, a, b) => {
    if (form.lanes > 1) return null;
    const p = scalarType(form.dtype);
    const name = named(`${p}.${op}_${signOf(form.dtype)}`);
    if (isConstant(b) && Number(b.imm) !== 0 && Number(b.imm) !== -1) return v.op(name, [a, b]);
    const one = constantOf(v, form, 1);
    if (name.endsWith('div_s')) {
      const unsafe = v.op(named(`${p}.le_u`), [v.op(named(`${p}.add`), [b, one]), one]);
      const quotient = v.op(name, [a, v.select(unsafe, one, b)]);
      // 0 for 0 and the wrapping negation for -1 are both the product.
      return v.select(unsafe, v.op(named(`${p}.mul`), [a, b]), quotient);
    }
    const isZero = v.op(named(`${p}.eqz`), [b]);
    const result = v.op(name, [a, v.select(isZero, one, b)]);
    return op === 'div' ? v.select(isZero, constantOf(v, form, 0), result) : result;
  };

const extremum =
  (op: 'min' | 'max'): Rule =>
  (v, form, a, b) => {
    const found = direct(v, op, form, [a, b]);
    if (found || form.lanes > 1) return found;
    const less = direct(v, 'lt', form, [a, b])!;
    return op === 'min' ? v.select(less, a, b) : v.select(less, b, a);
  };

/** Vector shifts take one scalar count: taken from a splat, else lane by lane. */
const shift =
  (op: 'shl' | 'shr'): Rule =>
  (v, form, a, b) => {
    if (form.lanes === 1) return null;
    const count = uniform(v, form, b);
    return count ? direct(v, op, form, [a, count]) : lanewise(v, op, form, [a, b]);
  };

/** The i32 that every lane of an integer vector holds, when that is evident. */
function uniform(v: Values, form: Form, x: Value): Value | null {
  if (x.op === 'i32x4.splat') return x.src[0];
  if (x.op === 'i64x2.splat') return v.op('i32.wrap_i64', [x.src[0]]);
  if (x.op !== 'v128.const') return null;
  const bytes = x.imm as readonly number[];
  return bytes.every((b, i) => b === bytes[i % (16 / form.lanes)]) ? v.i32(bytes[0]) : null;
}

const INTEGER: Rules = {
  neg: (v, form, x) => v.op(named(`${prefix(form)}.sub`), [constantOf(v, form, 0), x]),
  abs: (v, form, x) => {
    if (signOf(form.dtype) === 'u') return x;
    if (form.lanes > 1) return null;
    const zero = constantOf(v, form, 0);
    return v.select(direct(v, 'lt', form, [x, zero])!, direct(v, 'sub', form, [zero, x])!, x);
  },
  not: (v, form, x) => (form.lanes > 1 ? null : direct(v, 'xor', form, [x, constantOf(v, form, -1)])),
  ...perOp(ROUNDINGS, () => identity),
  ...perOp(['isnan', 'isinf'], () => never),
  popcnt: (v, form, x) => {
    if (form.lanes !== 4) return null;
    const bytes = v.op('i16x8.extadd_pairwise_i8x16_u', [v.op('i8x16.popcnt', [x])]);
    return v.op('i32x4.extadd_pairwise_i16x8_u', [bytes]);
  },
  ...perOp(['div', 'rem'], division),
  ...perOp(['min', 'max'], extremum),
  ...perOp(['shl', 'shr'], shift),
};

const isZeroVector = (x: Value): boolean => x.op === 'v128.const' && (x.imm as readonly number[]).every((b) => b === 0);

/** Whether every lane is a number other than zero. */
function isPlainVector({ lanes }: Form, x: Value): boolean {
  if (x.op !== 'v128.const') return false;
  const bytes = new Uint8Array(x.imm as readonly number[]).buffer;
  const values = lanes === 4 ? new Float32Array(bytes) : new Float64Array(bytes);
  return values.every((n) => !Number.isNaN(n) && n !== 0);
}

/**
 * Fewer instructions than the long sequences that engines for x86 emit for min and max. pmin and pmax keep NaN and -0
 * of their first operand, which is all that a constant asks for; adding +0 turns -0 into +0. Both orders of operands
 * agree but for zeros of different sign and for NaN: their bits together are -0 or NaN, less those that differ +0 or NaN.
 */
const floatExtremum =
  (op: 'min' | 'max'): Rule =>
  (v, form, a, b) => {
    if (form.lanes === 1) return null;
    const first = direct(v, `p${op}`, form, [a, b])!;
    if (isPlainVector(form, b)) return first;
    if (op === 'max' && isZeroVector(b)) return direct(v, 'add', form, [first, b]);
    const second = direct(v, `p${op}`, form, [b, a])!;
    const both = v.op('v128.or', [first, second]);
    return op === 'min' ? both : direct(v, 'sub', form, [both, v.op('v128.xor', [first, second])]);
  };

const FLOAT: Rules = {
  isnan: (v, form, x) => direct(v, 'ne', form, [x, x]),
  isinf: (v, form, x) => direct(v, 'eq', form, [direct(v, 'abs', form, [x])!, constantOf(v, form, Infinity)]),
  ...perOp(['min', 'max'], floatExtremum),
  rem: (v, form, a, b) => (form.lanes > 1 ? null : v.call(`fmod_${form.dtype}`, scalarType(form.dtype), [a, b])),
};

const not = (v: Values, { lanes }: Form, x: Value): Value => v.op(lanes > 1 ? 'v128.not' : 'i32.eqz', [x]);
/** `x`: the complement of which operand is taken. */
const logic =
  (op: 'and' | 'or' | 'xor', x: 'none' | 'a' | 'b' = 'none'): Rule =>
  (v, form, a, b) => {
    const src = [x === 'a' ? not(v, form, a) : a, x === 'b' ? not(v, form, b) : b];
    return v.op(`${form.lanes > 1 ? 'v128' : 'i32'}.${op}`, src);
  };

const BOOL: Rules = {
  not,
  and: logic('and'),
  or: logic('or'),
  xor: logic('xor'),
  ...perOp(['min', 'mul'], () => logic('and')),
  ...perOp(['max', 'add'], () => logic('or')),
  ne: logic('xor'),
  eq: (v, form, a, b) => not(v, form, logic('xor')(v, form, a, b)!),
  lt: logic('and', 'a'),
  gt: logic('and', 'b'),
  le: logic('or', 'a'),
  ge: logic('or', 'b'),
};

/** What is not the instruction of its name, per kind of type. */
const rulesOf = (d: ComputeType): Rules => (d === 'bool' ? BOOL : isFloatType(d) ? FLOAT : INTEGER);

/** One or two operands of one form; comparisons give bool with as many lanes. */
export function arithmetic(v: Values, op: ArithmeticOp, form: Form, ...src: readonly Value[]): Value {
  const rule = rulesOf(form.dtype)[op];
  return rule?.(v, form, src[0], src[1]) ?? direct(v, op, form, src) ?? lanewise(v, op, form, src);
}

function lanewise(v: Values, op: ArithmeticOp, form: Form, src: readonly Value[]): Value {
  const { dtype, lanes } = form;
  invariant(lanes > 1, `no instructions for ${op} on ${dtype}`);
  const result: Form = { dtype: resultType(op, dtype), lanes };
  return perLane(v, result, form, src, (xs) => arithmetic(v, op, { dtype, lanes: 1 }, ...xs));
}

/** `condition` is a bool with as many lanes as the sides, or a scalar. */
function select(v: Values, condition: Value, conditionLanes: number, then: Value, otherwise: Value): Value {
  if (conditionLanes === 1) return v.select(condition, then, otherwise);
  return v.op('v128.bitselect', [then, otherwise, condition]);
}

/** The value of a node over others that needs neither memory nor variables. */
export function pureValue(v: Values, e: Expr, src: readonly Value[]): Value {
  if (e.op === 'const') return constantOf(v, e, e.arg);
  if (e.op === 'splat') return splat(v, e, src[0]);
  if (e.op === 'cast') return cast(v, e.src[0], e.dtype, src[0]);
  if (e.op === 'bitcast') return bitcast(v, e.src[0], e.dtype, src[0]);
  if (e.op === 'select') return select(v, src[0], e.src[0].lanes, src[1], src[2]);
  return arithmetic(v, e.op as ArithmeticOp, e.src[0], ...src);
}

/** `make` of a value: what is written as an expression once for all targets. */
export function computed(v: Values, { dtype, lanes }: Form, x: Value, make: (x: Expr) => Expr): Value {
  const parameter = localExpr(newLocal('x', dtype, lanes));
  const memo = new Map([[parameter, x]]);
  const known = (e: Expr): Value => memo.get(e)!;
  return memoised(make(parameter), operandsOf, memo, (e) => pureValue(v, e, e.src.map(known)));
}

/** a*b + c. Relaxed: as the host does it in one instruction, for vectors and scalars alike; else two roundings. */
export function multiplyAdd(v: Values, form: Form, [a, b, c]: readonly Value[], relaxed: boolean): Value {
  const { dtype, lanes } = form;
  if (!relaxed || !isFloatType(dtype)) return arithmetic(v, 'add', form, arithmetic(v, 'mul', form, a, b), c);
  if (lanes > 1) return v.op(dtype === 'f64' ? 'f64x2.relaxed_madd' : 'f32x4.relaxed_madd', [a, b, c]);
  const wide: Form = { dtype, lanes: is64(dtype) ? 2 : 4 };
  const spread = [a, b, c].map((x) => splat(v, wide, x));
  return lane(v, wide, multiplyAdd(v, wide, spread, relaxed), 0);
}

/** c + Σ aᵢ·bᵢ over two signed halves, or four bytes, unsigned in `a` and signed in `b`. */
export function dotProduct(v: Values, form: Form, parts: DotForm, [a, b, c]: readonly Value[]): Value {
  invariant(parts !== 'bf16', 'wasm: pairs of bf16 have no instruction');
  if (parts === 2 && form.lanes > 1) return arithmetic(v, 'add', form, v.op('i32x4.dot_i16x8_s', [a, b]), c);
  const rest = 32 - 32 / parts;
  const part = (x: Value, up: number, dtype: 'i32' | 'u32'): Value => {
    const top = arithmetic(v, 'shl', form, x, constantOf(v, form, up));
    return arithmetic(v, 'shr', { ...form, dtype }, top, constantOf(v, form, rest));
  };
  let total = c;
  for (let up = 0; up <= rest; up += 32 / parts) {
    const product = arithmetic(v, 'mul', form, part(a, up, parts === 2 ? 'i32' : 'u32'), part(b, up, 'i32'));
    total = arithmetic(v, 'add', form, total, product);
  }
  return total;
}

/** base, base + 1, … */
export function ramp(v: Values, form: Form, base: Value): Value {
  const steps = Array.from({ length: form.lanes }, (_, i) => constantOf(v, { ...form, lanes: 1 }, i));
  return arithmetic(v, 'add', form, splat(v, form, base), pack(v, form, steps));
}

/** The instruction between these forms; undefined where there is none for vectors. */
function conversion(from: Form, to: Form): InstructionName | undefined {
  const [a, b] = [prefix(from), prefix(to)];
  const [fromFloat, toFloat] = [isFloatType(from.dtype), isFloatType(to.dtype)];
  if (fromFloat && toFloat) return known(`${b}.${is64(to.dtype) ? 'promote' : 'demote'}_${a}`);
  if (fromFloat) return known(`${b}.trunc_sat_${a}_${signOf(to.dtype)}`);
  if (toFloat) return known(`${b}.convert_${a}_${signOf(from.dtype)}`);
  return known(is64(to.dtype) ? `${b}.extend_${a}_${signOf(from.dtype)}` : `${b}.wrap_${a}`);
}

/** In another type, lanes kept: float to int truncates and saturates, NaN gives 0; int to int wraps; to bool x != 0. */
export function cast(v: Values, from: Form, dtype: ComputeType, x: Value): Value {
  if (from.dtype === dtype) return x;
  const to: Form = { dtype, lanes: from.lanes };
  if (dtype === 'bool') return v.op(named(`${prefix(from)}.ne`), [x, constantOf(v, from, 0)]);
  // Lane bits of 1 where the mask is set.
  if (from.dtype === 'bool' && to.lanes > 1) return v.op('v128.and', [x, constantOf(v, to, 1)]);
  if (prefix(from) === prefix(to)) return x;
  const name = conversion(from, to);
  if (name) return v.op(name, [x]);
  invariant(to.lanes > 1, `no conversion from ${from.dtype} to ${dtype}`);
  return perLane(v, to, from, [x], ([s]) => cast(v, { dtype: from.dtype, lanes: 1 }, dtype, s));
}

/** The same bits as another type of equal size. */
function bitcast(v: Values, from: Form, to: ComputeType, x: Value): Value {
  const [a, b] = [scalarType(from.dtype), scalarType(to)];
  return a === b || from.lanes > 1 ? x : v.op(named(`${b}.reinterpret_${a}`), [x]);
}
