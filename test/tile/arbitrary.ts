// Random well-typed scalar expressions for property tests. In: the dtype wanted. Out: fast-check
// arbitraries over a few axes, locals and tensors, with values for them.
import fc from 'fast-check';
import {
  axisExpr,
  type BinaryOp,
  binary,
  bitcast,
  type ComputeType,
  cast,
  constant,
  dot,
  type Expr,
  fma,
  guardedLoad,
  index,
  load,
  localExpr,
  lt,
  max,
  min,
  newAxis,
  newLocal,
  round,
  select,
  type UnaryOp,
  unary,
} from '../../src/3-tile/expr.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { printExpr } from './print-expr.ts';

export const AXES = [newAxis('i', 4), newAxis('j', 3), newAxis('k', 16), newAxis('l', 1)];
export const TYPES: readonly ComputeType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool'];
export const LOCALS = TYPES.map((t) => newLocal(`v_${t}`, t));
const STORED: Record<ComputeType, DType> = {
  f32: 'f16',
  f64: 'f64',
  i32: 'i8',
  u32: 'u32',
  i64: 'i64',
  u64: 'u64',
  bool: 'bool',
};
export const TENSORS: readonly TileTensor[] = TYPES.map((t) => newTensor(`t_${t}`, STORED[t], [4, 8], 'input'));

const INT_UNARY: UnaryOp[] = ['neg', 'abs', 'not'];
const FLOAT_UNARY: UnaryOp[] = ['neg', 'abs', 'sqrt', 'floor', 'ceil', 'trunc', 'nearest'];
const INT_BINARY: BinaryOp[] = ['add', 'sub', 'mul', 'div', 'rem', 'min', 'max', 'and', 'or', 'xor', 'shl', 'shr'];
const FLOAT_BINARY: BinaryOp[] = ['add', 'sub', 'mul', 'div', 'min', 'max', 'rem'];
const BOOL_BINARY: BinaryOp[] = ['and', 'or', 'xor', 'min', 'max', 'add', 'mul'];
const COMPARE: BinaryOp[] = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
const isFloat = (t: ComputeType): boolean => t === 'f32' || t === 'f64';
const isBig = (t: ComputeType): boolean => t === 'i64' || t === 'u64';

const smallInt = fc.oneof(fc.integer({ min: -4, max: 20 }), fc.constantFrom(0, 1, 2, 4, 8, 12, 16, 64), fc.integer());

function leaf(t: ComputeType): fc.Arbitrary<Expr> {
  const value = isFloat(t)
    ? fc.oneof(fc.constantFrom(0, -0, 1, -1, 0.5, 2, Infinity, -Infinity, NaN), fc.double())
    : smallInt;
  const literal = value.map((v) => constant(t, isBig(t) ? BigInt(v) : v));
  const local = fc.constant(localExpr(LOCALS[TYPES.indexOf(t)]));
  const axis = fc.constantFrom(...AXES).map((a) => cast(t, axisExpr(a)));
  return fc.oneof({ weight: 2, arbitrary: literal }, local, { weight: 3, arbitrary: axis });
}

/** An index below `extent` made of any i32 expression. */
const clampedIndex = (e: Expr, extent: number): Expr => min(max(e, index(0)), index(extent - 1));

type Make = (t: ComputeType) => fc.Arbitrary<Expr>;

function compound(t: ComputeType, of: Make): fc.Arbitrary<Expr> {
  const [u, b] = isFloat(t)
    ? [FLOAT_UNARY, FLOAT_BINARY]
    : t === 'bool'
      ? [['not'] as UnaryOp[], BOOL_BINARY]
      : [INT_UNARY, INT_BINARY];
  const tensor = TENSORS[TYPES.indexOf(t)];
  const options = [
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...u), of(t)).map(([op, x]) => unary(op, x)) },
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...b), of(t), of(t)).map(([op, x, y]) => binary(op, x, y)) },
    { weight: 1, arbitrary: fc.tuple(of('bool'), of(t), of(t)).map(([c, x, y]) => select(c, x, y)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...TYPES)
        .chain((s) => of(s))
        .map((x) => cast(t, x)),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(of('i32'), of('i32')).map(([i, j]) => load(tensor, [clampedIndex(i, 4), clampedIndex(j, 8)])),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(of('i32'), of('i32'), of('bool'), of(t)).map(([i, j, g, x]) => {
        const inside = binary('and', binary('and', lt(i, index(4)), binary('ge', i, index(0))), g);
        return guardedLoad(tensor, [i, clampedIndex(j, 8)], inside, x);
      }),
    },
  ];
  if (t === 'bool') {
    const compare = fc.constantFrom(...TYPES).chain((s) => fc.tuple(fc.constantFrom(...COMPARE), of(s), of(s)));
    options.push({ weight: 6, arbitrary: compare.map(([op, x, y]) => binary(op, x, y)) });
    options.push({ weight: 1, arbitrary: of('f32').map((x) => unary('isnan', x)) });
  }
  if (t === 'f32') options.push({ weight: 1, arbitrary: of('f32').map((x) => round('bf16', x)) });
  if (t === 'i32') {
    options.push({ weight: 1, arbitrary: of('f32').map((x) => cast('i32', bitcast('f32', bitcast('i32', x)))) });
    options.push({ weight: 1, arbitrary: of('i32').map((x) => round('u8', x)) });
    const products = fc.tuple(fc.constantFrom(2, 4), of(t), of(t), of(t));
    options.push({ weight: 1, arbitrary: products.map(([parts, x, y, z]) => dot(parts, x, y, z)) });
  }
  if (isFloat(t))
    options.push({ weight: 1, arbitrary: fc.tuple(of(t), of(t), of(t)).map(([x, y, z]) => fma(x, y, z)) });
  return fc.oneof(...options);
}

/** Wraps an expression so that a counterexample is shown as text. */
export const shown = (arbitrary: fc.Arbitrary<Expr>): fc.Arbitrary<{ readonly e: Expr }> =>
  arbitrary.map((e) => ({ e, [fc.toStringMethod]: () => `\n${printExpr(e)}\n` }));

/** Random expressions of this type, up to about `depth` deep. */
export function exprs(t: ComputeType, depth = 5): fc.Arbitrary<Expr> {
  if (depth <= 0) return leaf(t);
  return fc.oneof(
    { weight: 1, arbitrary: leaf(t) },
    { weight: 3, arbitrary: fc.constant(null).chain(() => compound(t, (s) => exprs(s, depth - 1))) },
  );
}

/** Index arithmetic as reshapes, transposes and pads make it: sums of products, divided. */
export function indices(depth = 4): fc.Arbitrary<Expr> {
  const term = fc.constantFrom(...AXES).map(axisExpr);
  if (depth <= 0) return term;
  const positive = fc.constantFrom(1, 2, 3, 4, 6, 8, 12, 16, 48).map(index);
  const inner = indices(depth - 1);
  return fc.oneof(
    term,
    fc.tuple(inner, inner).map(([a, b]) => binary('add', a, b)),
    fc.tuple(inner, fc.integer({ min: -3, max: 5 })).map(([a, c]) => binary('add', a, index(c))),
    fc.tuple(inner, positive).map(([a, c]) => binary('mul', a, c)),
    fc.tuple(inner, positive).map(([a, c]) => binary('div', a, c)),
    fc.tuple(inner, positive).map(([a, c]) => binary('rem', a, c)),
    fc.tuple(inner, inner).map(([a, b]) => binary('sub', a, b)),
    fc
      .tuple(inner, positive, positive)
      .map(([a, c, d]) => binary('add', binary('mul', binary('div', a, c), c), binary('rem', a, d))),
    fc.tuple(inner, positive, inner, inner).map(([a, c, x, y]) => select(lt(a, c), x, y)),
  );
}
