// Instruction selection for arithmetic: an op on operands of one form gives values with exactly the
// total semantics of expressions. Most ops are one instruction found by name; the tables below hold
// the others. What has no vector instruction is done lane by lane.
import type { BinaryOp, ComputeType, UnaryOp } from '../../../3-tile/expr.ts';
import { invariant } from '../../../support/errors.ts';
import {
  constantOf,
  type Form,
  is64,
  isFloatType,
  isUnsigned,
  lane,
  named,
  pack,
  perLane,
  prefix,
  scalarType,
  splat,
} from './forms.ts';
import { known } from './instructions.ts';
import { isConstant, type Value, type Values } from './value.ts';

type Unary = (v: Values, form: Form, x: Value) => Value | null;
type Binary = (v: Values, form: Form, a: Value, b: Value) => Value | null;

const refuse = (op: string, { dtype, lanes }: Form): never => {
  invariant(false, `no instructions for ${op} on ${dtype} with ${lanes} lanes`);
};

/** The instruction of this name on this form, with or without a sign suffix. */
function direct(v: Values, op: string, form: Form, src: readonly Value[]): Value | null {
  const p = prefix(form);
  const sign = isUnsigned(form.dtype) ? 'u' : 's';
  const name = known(`${p}.${op}`) ?? known(`${p}.${op}_${sign}`) ?? (form.lanes > 1 ? known(`v128.${op}`) : undefined);
  return name ? v.op(name, src) : null;
}

const allOnes = (v: Values, form: Form): Value => (form.lanes > 1 ? v.lanes32(-1) : constantOf(v, form, -1));

const identity: Unary = (_, __, x) => x;
const never: Unary = (v, { lanes }) => constantOf(v, { dtype: 'bool', lanes }, 0);

/** On integers; what is missing has an instruction. */
const INTEGER_UNARY: Partial<Record<UnaryOp, Unary>> = {
  neg: (v, form, x) => v.op(named(`${prefix(form)}.sub`), [constantOf(v, form, 0), x]),
  abs: (v, form, x) => {
    if (isUnsigned(form.dtype)) return x;
    if (form.lanes > 1) return direct(v, 'abs', form, [x]);
    const p = prefix(form);
    const zero = constantOf(v, form, 0);
    const negative = v.op(named(`${p}.lt_s`), [x, zero]);
    return v.select(negative, v.op(named(`${p}.sub`), [zero, x]), x);
  },
  not: (v, form, x) =>
    form.lanes > 1 ? v.op('v128.not', [x]) : v.op(named(`${prefix(form)}.xor`), [x, allOnes(v, form)]),
  floor: identity,
  ceil: identity,
  trunc: identity,
  nearest: identity,
  isnan: never,
  isinf: never,
  popcnt: (v, form, x) => {
    if (form.lanes !== 4) return null;
    const bytes = v.op('i16x8.extadd_pairwise_i8x16_u', [v.op('i8x16.popcnt', [x])]);
    return v.op('i32x4.extadd_pairwise_i16x8_u', [bytes]);
  },
};

const FLOAT_UNARY: Partial<Record<UnaryOp, Unary>> = {
  isnan: (v, form, x) => direct(v, 'ne', form, [x, x]),
  isinf: (v, form, x) => {
    const magnitude = direct(v, 'abs', form, [x])!;
    return direct(v, 'eq', form, [magnitude, constantOf(v, form, Number.POSITIVE_INFINITY)]);
  },
};

const BOOL_UNARY: Partial<Record<UnaryOp, Unary>> = {
  not: (v, { lanes }, x) => v.op(lanes > 1 ? 'v128.not' : 'i32.eqz', [x]),
};

/** The smallest set that legal programs hold after functions are decomposed. */
export const UNARY_OPS: ReadonlySet<string> = new Set<UnaryOp>([
  'neg',
  'abs',
  'not',
  'sqrt',
  'floor',
  'ceil',
  'trunc',
  'nearest',
  'isnan',
  'isinf',
  'clz',
  'popcnt',
]);
export const BINARY_OPS: ReadonlySet<string> = new Set<BinaryOp>([
  'add',
  'sub',
  'mul',
  'div',
  'rem',
  'min',
  'max',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
]);

const FLOAT_ONLY: ReadonlySet<string> = new Set(['sqrt']);
const INTEGER_ONLY: ReadonlySet<string> = new Set(['not', 'clz', 'popcnt', 'and', 'or', 'xor', 'shl', 'shr']);

/** Whether the op has a meaning on the type and is rendered here. */
export function rendersArithmetic(op: string, dtype: ComputeType): boolean {
  if (dtype === 'bool') return op in BOOL_BINARY || op === 'not';
  if (!UNARY_OPS.has(op) && !BINARY_OPS.has(op)) return false;
  return !(isFloatType(dtype) ? INTEGER_ONLY : FLOAT_ONLY).has(op);
}

/** One operand; comparisons with NaN and infinity give bool. */
export function unary(v: Values, op: UnaryOp, form: Form, x: Value): Value {
  if (!rendersArithmetic(op, form.dtype) || !UNARY_OPS.has(op)) return refuse(op, form);
  const rules = form.dtype === 'bool' ? BOOL_UNARY : isFloatType(form.dtype) ? FLOAT_UNARY : INTEGER_UNARY;
  const found = rules[op]?.(v, form, x) ?? direct(v, op, form, [x]);
  if (found) return found;
  if (form.lanes === 1) return refuse(op, form);
  const scalar = { dtype: form.dtype, lanes: 1 };
  return perLane(v, form, [{ ...form, value: x }], ([s]) => unary(v, op, scalar, s));
}

/** Operands for which a signed division is not defined by the hardware: divisors 0 and -1. */
function signedDiv(v: Values, form: Form, a: Value, b: Value): Value {
  const p = scalarType(form.dtype);
  const one = constantOf(v, form, 1);
  const unsafe = v.op(named(`${p}.le_u`), [v.op(named(`${p}.add`), [b, one]), one]);
  const quotient = v.op(named(`${p}.div_s`), [a, v.select(unsafe, one, b)]);
  // 0 for 0 and the wrapping negation for -1 are both the product.
  return v.select(unsafe, v.op(named(`${p}.mul`), [a, b]), quotient);
}

function division(v: Values, op: 'div' | 'rem', form: Form, a: Value, b: Value): Value {
  const p = scalarType(form.dtype);
  const sign = isUnsigned(form.dtype) ? 'u' : 's';
  const name = named(`${p}.${op}_${sign}`);
  if (isConstant(b) && Number(b.imm) !== 0 && Number(b.imm) !== -1) return v.op(name, [a, b]);
  if (op === 'div' && sign === 's') return signedDiv(v, form, a, b);
  const zero = constantOf(v, form, 0);
  const isZero = v.op(named(`${p}.eqz`), [b]);
  const result = v.op(name, [a, v.select(isZero, constantOf(v, form, 1), b)]);
  return op === 'div' ? v.select(isZero, zero, result) : result;
}

const DIV =
  (op: 'div' | 'rem'): Binary =>
  (v, form, a, b) =>
    form.lanes > 1 ? null : division(v, op, form, a, b);

const MINMAX =
  (op: 'min' | 'max'): Binary =>
  (v, form, a, b) => {
    const found = direct(v, op, form, [a, b]);
    if (found || form.lanes > 1) return found;
    const less = direct(v, 'lt', form, [a, b])!;
    return op === 'min' ? v.select(less, a, b) : v.select(less, b, a);
  };

/** Vector shifts take one scalar count: taken from a splat, else lane by lane. */
const SHIFT =
  (op: 'shl' | 'shr'): Binary =>
  (v, form, a, b) => {
    if (form.lanes === 1) return null;
    const count = uniform(v, form, b);
    return count ? direct(v, op, form, [a, count]) : null;
  };

/** The i32 that every lane of an integer vector holds, when that is evident. */
function uniform(v: Values, form: Form, x: Value): Value | null {
  if (x.op === 'i32x4.splat') return x.src[0];
  if (x.op === 'i64x2.splat') return v.op('i32.wrap_i64', [x.src[0]]);
  if (x.op !== 'v128.const') return null;
  const bytes = x.imm as readonly number[];
  const width = 16 / form.lanes;
  return bytes.every((b, i) => b === bytes[i % width]) ? v.i32(bytes[0]) : null;
}

const INTEGER_BINARY: Partial<Record<BinaryOp, Binary>> = {
  div: DIV('div'),
  rem: DIV('rem'),
  min: MINMAX('min'),
  max: MINMAX('max'),
  shl: SHIFT('shl'),
  shr: SHIFT('shr'),
};

const both =
  (scalar: 'i32.and' | 'i32.or' | 'i32.xor', vector: 'v128.and' | 'v128.or' | 'v128.xor'): Binary =>
  (v, { lanes }, a, b) =>
    v.op(lanes > 1 ? vector : scalar, [a, b]);
const AND = both('i32.and', 'v128.and');
const OR = both('i32.or', 'v128.or');
const XOR = both('i32.xor', 'v128.xor');
const complement = (v: Values, form: Form, x: Value): Value => BOOL_UNARY.not!(v, form, x)!;

const BOOL_BINARY: Partial<Record<BinaryOp, Binary>> = {
  and: AND,
  or: OR,
  xor: XOR,
  min: AND,
  max: OR,
  add: OR,
  mul: AND,
  ne: XOR,
  eq: (v, form, a, b) => complement(v, form, XOR(v, form, a, b)!),
  lt: (v, form, a, b) => AND(v, form, complement(v, form, a), b),
  gt: (v, form, a, b) => AND(v, form, a, complement(v, form, b)),
  le: (v, form, a, b) => OR(v, form, complement(v, form, a), b),
  ge: (v, form, a, b) => OR(v, form, a, complement(v, form, b)),
};

const isZeroConstant = (x: Value): boolean =>
  (x.op === 'v128.const' && (x.imm as readonly number[]).every((b) => b === 0)) ||
  ((x.op === 'f32.const' || x.op === 'f64.const') && Object.is(x.imm, 0));

/** `max(x, +0)` in two instructions instead of the long sequence that engines emit for max. */
const FLOAT_BINARY: Partial<Record<BinaryOp, Binary>> = {
  max: (v, form, a, b) => {
    if (form.lanes === 1 || !isZeroConstant(b)) return null;
    // pmax keeps NaN and -0 of its first operand; adding +0 turns -0 into +0.
    const p = prefix(form);
    return v.op(named(`${p}.add`), [v.op(named(`${p}.pmax`), [a, b]), b]);
  },
  rem: (v, form, a, b) => (form.lanes > 1 ? null : v.call(`fmod_${form.dtype}`, scalarType(form.dtype), [a, b])),
};

const COMPARISON: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);

/** Two operands of one form; comparisons give bool with as many lanes. */
export function binary(v: Values, op: BinaryOp, form: Form, a: Value, b: Value): Value {
  if (!rendersArithmetic(op, form.dtype) || !BINARY_OPS.has(op)) return refuse(op, form);
  const { dtype, lanes } = form;
  const rules = dtype === 'bool' ? BOOL_BINARY : isFloatType(dtype) ? FLOAT_BINARY : INTEGER_BINARY;
  const rule = rules[op];
  const found = rule?.(v, form, a, b);
  if (found) return found;
  const needsRule = lanes > 1 && (op === 'shl' || op === 'shr');
  const single = needsRule ? null : direct(v, op, form, [a, b]);
  if (single) return single;
  if (lanes === 1) return refuse(op, form);
  const scalar = { dtype, lanes: 1 };
  const result: Form = COMPARISON.has(op) ? { dtype: 'bool', lanes } : form;
  const operands = [
    { ...form, value: a },
    { ...form, value: b },
  ];
  return perLane(v, result, operands, ([x, y]) => binary(v, op, scalar, x, y));
}

/** `condition` is a bool with as many lanes as the sides, or a scalar. */
export function select(v: Values, condition: Value, conditionLanes: number, then: Value, otherwise: Value): Value {
  if (conditionLanes === 1) return v.select(condition, then, otherwise);
  return v.op('v128.bitselect', [then, otherwise, condition]);
}

/**
 * a*b + c. Relaxed: whatever the host does in one instruction, the same for vectors and scalars;
 * else two roundings.
 */
export function multiplyAdd(v: Values, form: Form, [a, b, c]: readonly Value[], relaxed: boolean): Value {
  const p = prefix(form);
  if (!relaxed || !isFloatType(form.dtype)) {
    return v.op(named(`${p}.add`), [v.op(named(`${p}.mul`), [a, b]), c]);
  }
  if (form.lanes > 1) return v.op(named(`${p}.relaxed_madd`), [a, b, c]);
  const wide: Form = { dtype: form.dtype, lanes: is64(form.dtype) ? 2 : 4 };
  const spread = [a, b, c].map((x) => splat(v, wide, x));
  return lane(v, wide, v.op(named(`${prefix(wide)}.relaxed_madd`), spread), 0);
}

/** base, base + 1, … */
export function ramp(v: Values, form: Form, base: Value): Value {
  const steps = Array.from({ length: form.lanes }, (_, i) => constantOf(v, { ...form, lanes: 1 }, i));
  return v.op(named(`${prefix(form)}.add`), [splat(v, form, base), pack(v, form, steps)]);
}
