// Short notation for the decompositions of scalar functions: arithmetic between expressions and plain
// numbers (spread over the lanes of the other operand), polynomials, and the bits of floats.
import { type BinaryOp, binary, bitcast, type ComputeType, constant, type Expr, makeExpr } from '../expr.ts';

export type Operand = Expr | number | bigint;

/** The constant in the type and lanes of `x`. */
export function like(x: Expr, value: number | bigint, dtype: ComputeType = x.dtype): Expr {
  const c = constant(dtype, value);
  return x.lanes === 1 ? c : makeExpr('splat', dtype, [c], null, x.lanes);
}

const isExpr = (x: Operand): x is Expr => typeof x === 'object';

type Fn2 = { (a: Expr, b: Operand): Expr; (a: Operand, b: Expr): Expr };
function fn2(op: BinaryOp): Fn2 {
  return ((a: Operand, b: Operand) => {
    if (isExpr(a)) return binary(op, a, isExpr(b) ? b : like(a, b));
    return binary(op, like(b as Expr, a), b as Expr);
  }) as Fn2;
}

export const add = fn2('add'),
  sub = fn2('sub'),
  mul = fn2('mul'),
  div = fn2('div');
export const min = fn2('min'),
  max = fn2('max');
export const and = fn2('and'),
  or = fn2('or'),
  xor = fn2('xor'),
  shl = fn2('shl'),
  shr = fn2('shr');
export const eq = fn2('eq'),
  ne = fn2('ne'),
  lt = fn2('lt'),
  le = fn2('le'),
  gt = fn2('gt');
export const ge = fn2('ge');

/** cond ? then : otherwise; at least one side is an expression. */
export function choose(cond: Expr, then: Operand, otherwise: Operand): Expr {
  const typed = (isExpr(then) ? then : otherwise) as Expr;
  const a = isExpr(then) ? then : like(typed, then);
  const b = isExpr(otherwise) ? otherwise : like(typed, otherwise);
  return makeExpr('select', a.dtype, [cond, a, b], null, a.lanes);
}

/** c[0] + c[1] x + c[2] x^2 + ... */
export function polynomial(x: Expr, c: readonly number[]): Expr {
  let sum = like(x, c[c.length - 1]);
  for (let i = c.length - 2; i >= 0; i--) sum = add(mul(sum, x), c[i]);
  return sum;
}

/** How a float type is laid out, and the integer type of the same size. */
export interface Format {
  readonly int: 'i32' | 'i64';
  readonly mantissa: number;
  readonly bias: number;
  readonly sign: number | bigint;
  readonly minNormal: number;
  /** Added to a number below 2^(mantissa - 1) in size, leaves its nearest integer in the low bits. */
  readonly magic: number;
  readonly magicBits: number | bigint;
  /** Below this, f(x) = x for functions with f(x) = x + O(x^2). */
  readonly tiny: number;
}

const FORMATS: { readonly f32: Format; readonly f64: Format } = {
  f32: {
    int: 'i32',
    mantissa: 23,
    bias: 127,
    sign: -(2 ** 31),
    minNormal: 2 ** -126,
    magic: 1.5 * 2 ** 23,
    magicBits: 0x4b400000,
    tiny: 2 ** -26,
  },
  f64: {
    int: 'i64',
    mantissa: 52,
    bias: 1023,
    sign: -(2n ** 63n),
    minNormal: 2 ** -1022,
    magic: 1.5 * 2 ** 52,
    magicBits: 0x4338000000000000n,
    tiny: 2 ** -55,
  },
};

export const formatOf = (x: Expr): Format => FORMATS[x.dtype === 'f32' ? 'f32' : 'f64'];
export const bitsOf = (x: Expr): Expr => bitcast(formatOf(x).int, x);
const floatOf = (bits: Expr): 'f32' | 'f64' => (bits.dtype === 'i32' ? 'f32' : 'f64');
export const fromBits = (bits: Expr): Expr => bitcast(floatOf(bits), bits);

/** `magnitude` (not negative) with the sign of `x`. */
export function withSign(magnitude: Expr, x: Expr): Expr {
  return fromBits(or(bitsOf(magnitude), and(bitsOf(x), formatOf(x).sign)));
}

/** `x` negated where the integer's bit `bit` is set. */
export function negatedWhere(x: Expr, n: Expr, bit: number): Expr {
  const width = x.dtype === 'f32' ? 32 : 64;
  return fromBits(xor(bitsOf(x), shl(and(n, 2 ** bit), width - 1 - bit)));
}

/** 2^n for an integer n of a normal power. */
export function powerOfTwo(n: Expr): Expr {
  const { mantissa, bias } = FORMATS[floatOf(n)];
  return fromBits(shl(add(n, bias), mantissa));
}

/** x 2^n, rounded once even where the result is subnormal; |n| up to twice the largest exponent. */
export function scale(x: Expr, n: Expr): Expr {
  const half = shr(n, 1);
  return mul(mul(x, powerOfTwo(half)), powerOfTwo(sub(n, half)));
}

/** The nearest integer of a small x, as a float and as an integer. */
export function nearestOf(x: Expr): { whole: Expr; n: Expr } {
  const { magic, magicBits } = formatOf(x);
  const shifted = add(x, magic);
  return { whole: sub(shifted, magic), n: sub(bitsOf(shifted), magicBits) };
}
