// The scalar expression: one interned, frozen node type for index arithmetic, operator bodies and
// loop statements. In: constructor calls. Out: nodes that are equal exactly when they are `===`.
// Values live in compute types only (f32 f64 i32 u32 i64 u64 bool); narrower storage types convert
// at loads and stores. Semantics are total, so that every target agrees:
//  - integer arithmetic wraps; x/0 = 0 and x%0 = 0; shift counts are taken modulo the width, as in
//    WebAssembly; float arithmetic is IEEE, min/max propagate NaN and order -0 < +0;
//  - float → int casts truncate and saturate, NaN gives 0; int → int casts wrap.
import { type DType, dtypeInfo, isStorageFloat } from '../ir/dtype.ts';
import type { Scalar } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import type { TileTensor } from './tensor.ts';

export type ComputeType = 'f32' | 'f64' | 'i32' | 'u32' | 'i64' | 'u64' | 'bool';

/** The type in which elements of a storage type are computed. */
export function computeType(dtype: DType): ComputeType {
  if (isStorageFloat(dtype)) return 'f32';
  const { bits, kind, name } = dtypeInfo(dtype);
  invariant(kind !== 'complex' && kind !== 'string', `no scalar compute type for ${name}`);
  if (kind === 'bool' || kind === 'float') return name as ComputeType;
  return bits < 32 ? 'i32' : (name as ComputeType);
}

/** A loop index: i32, from 0 to extent - 1. `spatial` indices are independent, `reduce` are folded. */
export type Axis = Readonly<{ id: number; name: string; extent: number; role: 'spatial' | 'reduce' }>;

/** A mutable local of loop statements; also the index of a statement loop with run-time bounds. */
export type Local = Readonly<{ id: number; name: string; dtype: ComputeType; lanes: number }>;

type Words<S extends string> = S extends `${infer Head} ${infer Rest}` ? Head | Words<Rest> : S;
/** Words of a text, typed as such. */
export const words = <S extends string>(text: S): readonly Words<S>[] => text.split(' ') as Words<S>[];

export const ROUNDINGS = words('floor ceil trunc nearest');
/** Real functions, as in Math. */
export const FUNCTIONS1 = words(
  'exp exp2 expm1 log log2 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf sigmoid',
);
/** Functions of two operands beside them. */
const FUNCTIONS2 = words('pow atan2');
export type FunctionOp = (typeof FUNCTIONS1)[number] | (typeof FUNCTIONS2)[number];
const FUNCTIONS: ReadonlySet<string> = new Set([...FUNCTIONS1, ...FUNCTIONS2]);
/** Whether the op exists only above code generation: `legalise` replaces it. */
export const isFunction = (op: Op): boolean => FUNCTIONS.has(op);
export const COMPARISONS = words('eq ne lt le gt ge');
const TESTS = words('isnan isinf');
export const UNARY = [...words('neg abs not sqrt'), ...ROUNDINGS, ...FUNCTIONS1, ...TESTS, ...words('clz popcnt')];
export const BINARY = [
  ...words('add sub mul div rem min max ldexp'), // ldexp: a 2^floor(b) of floats, with one rounding
  ...FUNCTIONS2,
  ...words('and or xor shl shr'),
  ...COMPARISONS,
];
export type UnaryOp = (typeof UNARY)[number];
export type BinaryOp = (typeof BINARY)[number];

/** What words of 32 bits hold, per form of dot product: parts of which type, and the type of their sums. */
export const DOTS = {
  2: { parts: 2, element: 'i16', sum: 'i32' },
  4: { parts: 4, element: 'i8', sum: 'i32' },
  bf16: { parts: 2, element: 'bf16', sum: 'f32' },
} as const;
export type DotForm = 2 | 4 | 'bf16';

/** What each op carries besides its operands. */
export interface Args extends Record<UnaryOp | BinaryOp, null> {
  const: Scalar; // bigint for i64/u64, 0 | 1 for bool
  axis: Axis;
  local: Local;
  acc: number; // component of a reduction's state, inside a monoid or an epilogue
  elem: number; // component of the element being combined, inside a monoid
  load: TileTensor; // src: one index per dimension (or one flat element index), i32
  guarded: TileTensor; // a load; src: indices…, guard (bool), otherwise; not performed when guard is false
  select: null; // src: condition (bool), then, else; both sides are pure
  cast: null;
  bitcast: null; // same size
  round: DType; // value as if stored to that storage type and loaded again
  fma: null; // a*b + c with one rounding
  // c + Σ aᵢ·bᵢ over the parts of 32 bits: signed halves, or bytes, unsigned in a and signed in b, or pairs of bf16,
  // rounded to f32 after every product, in an order that is the device's to choose, which may take subnormals for 0
  dot: DotForm;
  splat: null; // scalar → all lanes
  pack: null; // one scalar per lane
  lane: number; // one lane of a vector
  shuffle: string; // src: two vectors; the lanes of both side by side that make the result, joined by _
  ramp: null; // src: scalar base; base, base+1, …
}
export type Op = keyof Args;

export interface ExprNode<O extends Op> {
  readonly op: O;
  readonly dtype: ComputeType;
  /** 1 for scalars; vectors appear only after lowering. */
  readonly lanes: number;
  readonly src: readonly Expr[];
  readonly arg: Args[O];
  readonly id: number;
}
export type Expr = { [O in Op]: ExprNode<O> }[Op];

const table = new Map<number, Expr>();
/** Texts by order of first use. */
const numbers = new Map<string, number>();
let nextExpr = 1;
let nextSymbol = 1;

/** Maps that last as long as the expressions. */
export const exprMemos: Map<Expr, unknown>[] = [];

/** Forgets all interned expressions; nodes made before are not equal to nodes made after. */
export function resetExprs(): void {
  for (const known of [table, numbers, ...exprMemos]) known.clear();
}

export const newAxis = (name: string, extent: number, role: Axis['role'] = 'spatial'): Axis =>
  Object.freeze({ id: nextSymbol++, name, extent, role });

export const newLocal = (name: string, dtype: ComputeType, lanes = 1): Local =>
  Object.freeze({ id: nextSymbol++, name, dtype, lanes });

const mixed = (hash: number, by: number): number => {
  const h = Math.imul(hash ^ by, 0x9e3779b1);
  return h ^ (h >>> 15);
};

const numberOf = (text: string): number => numbers.get(text) ?? numbers.set(text, numbers.size).get(text)!;

/** Spread evenly by what makes a node: numbers that differ in their fraction alone differ too. */
function hashOf(op: Op, lanes: number, src: readonly Expr[], arg: unknown): number {
  let h = numberOf(op);
  if (typeof arg === 'number') h = mixed(mixed(h, arg), arg * 0x10000);
  else if (typeof arg === 'object') h = arg === null ? h : mixed(h, (arg as { id: number }).id);
  else h = mixed(h, numberOf(String(arg)));
  for (const s of src) h = mixed(h, s.id);
  return mixed(h, lanes);
}

function isNode(e: Expr, op: Op, dtype: ComputeType, src: readonly Expr[], arg: unknown, lanes: number): boolean {
  const alike = e.op === op && e.dtype === dtype && e.lanes === lanes && e.src.length === src.length;
  if (!alike || !Object.is(e.arg, arg)) return false;
  for (let i = 0; i < src.length; i++) if (src[i] !== e.src[i]) return false;
  return true;
}

/** The one constructor: interns. Prefer the named constructors below. */
export function makeExpr<O extends Op>(op: O, dtype: ComputeType, src: readonly Expr[], arg: Args[O], lanes = 1): Expr {
  let place = hashOf(op, lanes, src, arg);
  for (let known = table.get(place); known; known = table.get(place)) {
    if (isNode(known, op, dtype, src, arg, lanes)) return known;
    place = (place + 1) | 0;
  }
  const node = { op, dtype, lanes, src: Object.freeze(src.slice()), arg, id: nextExpr++ };
  const e = Object.freeze(node) as unknown as Expr;
  table.set(place, e);
  return e;
}

/** A constant, normalised to the type's range (ints wrap, f32 rounds). */
export const constant = (dtype: ComputeType, value: Scalar | boolean): Expr =>
  makeExpr('const', dtype, [], normalise(dtype, value));

export function normalise(dtype: ComputeType, value: Scalar | boolean): Scalar {
  const v = typeof value === 'boolean' ? Number(value) : value;
  if (dtype === 'f32') return Math.fround(Number(v));
  if (dtype === 'f64') return Number(v);
  if (dtype === 'bool') return v ? 1 : 0;
  if (dtype === 'i64') return BigInt.asIntN(64, BigInt(v));
  if (dtype === 'u64') return BigInt.asUintN(64, BigInt(v));
  if (typeof v === 'number') return dtype === 'i32' ? v | 0 : v >>> 0;
  return Number(dtype === 'i32' ? BigInt.asIntN(32, v) : BigInt.asUintN(32, v));
}

/** An i32 constant: the type of every index. */
export const index = (value: number): Expr => constant('i32', value);
export const axisExpr = (axis: Axis): Expr => makeExpr('axis', 'i32', [], axis);
export const localExpr = (local: Local): Expr => makeExpr('local', local.dtype, [], local, local.lanes);
export const acc = (i: number, dtype: ComputeType): Expr => makeExpr('acc', dtype, [], i);
export const elem = (i: number, dtype: ComputeType): Expr => makeExpr('elem', dtype, [], i);

/** Reads one element; the index has one i32 expression per dimension (none for a scalar tensor). */
export function load(tensor: TileTensor, at: readonly Expr[]): Expr {
  invariant(at.length === tensor.shape.length || at.length === 1, `load of ${tensor.name}: wrong rank`);
  return makeExpr('load', computeType(tensor.dtype), at, tensor);
}

/** Reads one element where `guard` holds, else gives `otherwise`; indices may then be out of range. */
export function guardedLoad(tensor: TileTensor, at: readonly Expr[], guard: Expr, otherwise: Expr): Expr {
  const dtype = computeType(tensor.dtype);
  invariant(otherwise.dtype === dtype, `guarded load of ${tensor.name}: wrong type`);
  return makeExpr('guarded', dtype, [...at, guard, otherwise], tensor);
}

const BOOLEAN: ReadonlySet<Op> = new Set([...COMPARISONS, ...TESTS]);
/** The type of a unary or binary op's result, from that of its operands. */
export const resultType = (op: Op, operand: ComputeType): ComputeType => (BOOLEAN.has(op) ? 'bool' : operand);

export const unary = (op: UnaryOp, x: Expr): Expr => makeExpr(op, resultType(op, x.dtype), [x], null, x.lanes);

export function binary(op: BinaryOp, a: Expr, b: Expr): Expr {
  invariant(a.dtype === b.dtype && a.lanes === b.lanes, `${op} of ${a.dtype} and ${b.dtype}`);
  return makeExpr(op, resultType(op, a.dtype), [a, b], null, a.lanes);
}

/** One function per op, made by `make`. */
export function perOp<O extends Op, F>(ops: readonly O[], make: (op: O) => F): Readonly<Record<O, F>> {
  return Object.fromEntries(ops.map((op) => [op, make(op)])) as Record<O, F>;
}

const fns1 = perOp(UNARY, (op) => (x: Expr) => unary(op, x));
const fns2 = perOp(BINARY, (op) => (a: Expr, b: Expr) => binary(op, a, b));
export const { neg, abs, not, sqrt, floor, ceil, trunc, nearest, exp, log, tanh, erf, sigmoid, isnan, isinf } = fns1;
export const { add, sub, mul, div, rem, min, max, pow, and, or, xor, shl, shr, eq, ne, lt, le, gt, ge } = fns2;

export function select(cond: Expr, then: Expr, otherwise: Expr): Expr {
  invariant(cond.dtype === 'bool' && then.dtype === otherwise.dtype, 'select: wrong types');
  return makeExpr('select', then.dtype, [cond, then, otherwise], null, then.lanes);
}

/** Value conversion between compute types (identity when equal). */
export const cast = (dtype: ComputeType, x: Expr): Expr =>
  x.dtype === dtype ? x : makeExpr('cast', dtype, [x], null, x.lanes);

export const bitcast = (dtype: ComputeType, x: Expr): Expr =>
  x.dtype === dtype ? x : makeExpr('bitcast', dtype, [x], null, x.lanes);

/** The value after a round trip through a storage type (identity when storage is the compute type). */
export const round = (storage: DType, x: Expr): Expr =>
  storage === x.dtype ? x : makeExpr('round', x.dtype, [x], storage, x.lanes);

export const fma = (a: Expr, b: Expr, c: Expr): Expr => makeExpr('fma', a.dtype, [a, b, c], null, a.lanes);

/** A vector of these lanes of two vectors side by side. */
export const shuffle = (a: Expr, b: Expr, picks: readonly number[]): Expr =>
  makeExpr('shuffle', a.dtype, [a, b], picks.join('_'), picks.length);
export const picksOf = (e: ExprNode<'shuffle'>): number[] => e.arg.split('_').map(Number);

/** c + Σ aᵢ·bᵢ over words a and b (i32), in the type of the form's sums; integers wrap. */
export const dot = (form: DotForm, a: Expr, b: Expr, c: Expr = constant(DOTS[form].sum, 0)): Expr =>
  makeExpr('dot', DOTS[form].sum, [a, b, c], form, a.lanes);

export const isConst = (e: Expr): e is ExprNode<'const'> => e.op === 'const';
export const isLoad = (e: Expr): e is ExprNode<'load'> | ExprNode<'guarded'> => e.op === 'load' || e.op === 'guarded';
