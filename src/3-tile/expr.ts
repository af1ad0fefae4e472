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
export interface Axis {
  readonly id: number;
  readonly name: string;
  readonly extent: number;
  readonly role: 'spatial' | 'reduce';
}

/** A mutable local of loop statements; also the index of a statement loop with run-time bounds. */
export interface Local {
  readonly id: number;
  readonly name: string;
  readonly dtype: ComputeType;
  readonly lanes: number;
}

export const UNARY = [
  'neg',
  'abs',
  'not',
  'sqrt',
  'floor',
  'ceil',
  'trunc',
  'nearest',
  'exp',
  'exp2',
  'expm1',
  'log',
  'log2',
  'log1p',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'tanh',
  'asinh',
  'acosh',
  'atanh',
  'erf',
  'isnan',
  'isinf',
  'clz',
  'popcnt',
] as const;
export const BINARY = [
  'add',
  'sub',
  'mul',
  'div',
  'rem',
  'min',
  'max',
  'pow',
  'atan2',
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
] as const;
export type UnaryOp = (typeof UNARY)[number];
export type BinaryOp = (typeof BINARY)[number];

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
  splat: null; // scalar → all lanes
  pack: null; // one scalar per lane
  lane: number; // one lane of a vector
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

const table = new Map<string, Expr>();
let nextExpr = 1;
let nextSymbol = 1;

/** Forgets all interned expressions; nodes made before are not equal to nodes made after. */
export function resetExprs(): void {
  table.clear();
}

export function newAxis(name: string, extent: number, role: Axis['role'] = 'spatial'): Axis {
  return Object.freeze({ id: nextSymbol++, name, extent, role });
}

export function newLocal(name: string, dtype: ComputeType, lanes = 1): Local {
  return Object.freeze({ id: nextSymbol++, name, dtype, lanes });
}

function argKey(op: Op, arg: unknown): string {
  if (arg === null) return '';
  if (typeof arg === 'object') return String((arg as { id: number }).id);
  if (op === 'const') return Object.is(arg, -0) ? '-0' : String(arg);
  return String(arg);
}

/** The one constructor: interns. Prefer the named constructors below. */
export function makeExpr<O extends Op>(op: O, dtype: ComputeType, src: readonly Expr[], arg: Args[O], lanes = 1): Expr {
  let key = `${op}|${dtype}|${lanes}|${argKey(op, arg)}`;
  for (const s of src) key += `,${s.id}`;
  let e = table.get(key);
  if (!e) {
    e = Object.freeze({ op, dtype, lanes, src: Object.freeze([...src]), arg, id: nextExpr++ }) as unknown as Expr;
    table.set(key, e);
  }
  return e;
}

/** A constant, normalised to the type's range (ints wrap, f32 rounds). */
export function constant(dtype: ComputeType, value: Scalar | boolean): Expr {
  return makeExpr('const', dtype, [], normalise(dtype, value));
}

export function normalise(dtype: ComputeType, value: Scalar | boolean): Scalar {
  const v = typeof value === 'boolean' ? Number(value) : value;
  switch (dtype) {
    case 'f32':
      return Math.fround(Number(v));
    case 'f64':
      return Number(v);
    case 'bool':
      return v ? 1 : 0;
    case 'i32':
      return typeof v === 'bigint' ? Number(BigInt.asIntN(32, v)) : v | 0;
    case 'u32':
      return typeof v === 'bigint' ? Number(BigInt.asUintN(32, v)) : v >>> 0;
    case 'i64':
      return BigInt.asIntN(64, BigInt(v));
    case 'u64':
      return BigInt.asUintN(64, BigInt(v));
  }
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

const COMPARISONS: ReadonlySet<Op> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'isnan', 'isinf']);

export function unary(op: UnaryOp, x: Expr): Expr {
  return makeExpr(op, COMPARISONS.has(op) ? 'bool' : x.dtype, [x], null, x.lanes);
}

export function binary(op: BinaryOp, a: Expr, b: Expr): Expr {
  invariant(a.dtype === b.dtype && a.lanes === b.lanes, `${op} of ${a.dtype} and ${b.dtype}`);
  return makeExpr(op, COMPARISONS.has(op) ? 'bool' : a.dtype, [a, b], null, a.lanes);
}

type Fn1 = (x: Expr) => Expr;
type Fn2 = (a: Expr, b: Expr) => Expr;
const fn1 =
  (op: UnaryOp): Fn1 =>
  (x) =>
    unary(op, x);
const fn2 =
  (op: BinaryOp): Fn2 =>
  (a, b) =>
    binary(op, a, b);

export const neg = fn1('neg'),
  abs = fn1('abs'),
  not = fn1('not'),
  sqrt = fn1('sqrt');
export const floor = fn1('floor'),
  ceil = fn1('ceil'),
  trunc = fn1('trunc'),
  nearest = fn1('nearest');
export const exp = fn1('exp'),
  log = fn1('log'),
  tanh = fn1('tanh'),
  erf = fn1('erf');
export const isnan = fn1('isnan'),
  isinf = fn1('isinf');
export const add = fn2('add'),
  sub = fn2('sub'),
  mul = fn2('mul'),
  div = fn2('div'),
  rem = fn2('rem');
export const min = fn2('min'),
  max = fn2('max'),
  pow = fn2('pow');
export const and = fn2('and'),
  or = fn2('or'),
  xor = fn2('xor'),
  shl = fn2('shl'),
  shr = fn2('shr');
export const eq = fn2('eq'),
  ne = fn2('ne'),
  lt = fn2('lt'),
  le = fn2('le'),
  gt = fn2('gt'),
  ge = fn2('ge');

export function select(cond: Expr, then: Expr, otherwise: Expr): Expr {
  invariant(cond.dtype === 'bool' && then.dtype === otherwise.dtype, 'select: wrong types');
  return makeExpr('select', then.dtype, [cond, then, otherwise], null, then.lanes);
}

/** Value conversion between compute types (identity when equal). */
export function cast(dtype: ComputeType, x: Expr): Expr {
  return x.dtype === dtype ? x : makeExpr('cast', dtype, [x], null, x.lanes);
}

export function bitcast(dtype: ComputeType, x: Expr): Expr {
  return x.dtype === dtype ? x : makeExpr('bitcast', dtype, [x], null, x.lanes);
}

/** The value after a round trip through a storage type (identity when storage is the compute type). */
export function round(storage: DType, x: Expr): Expr {
  return storage === x.dtype ? x : makeExpr('round', x.dtype, [x], storage, x.lanes);
}

export const fma = (a: Expr, b: Expr, c: Expr): Expr => makeExpr('fma', a.dtype, [a, b, c], null, a.lanes);

export const isConst = (e: Expr): e is ExprNode<'const'> => e.op === 'const';
export const isLoad = (e: Expr): e is ExprNode<'load'> | ExprNode<'guarded'> => e.op === 'load' || e.op === 'guarded';
