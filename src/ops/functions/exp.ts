// exp, exp2, expm1 and what is made of them. x = n ln 2 + r with two-part ln 2, a polynomial on
// |r| <= ln(2)/2, then scaling by 2^n, at once or in two factors, so that subnormal results round once. Nothing
// branches; NaN, infinities and signed zeros pass through the arithmetic or a final selection.
import { abs, binary, type Expr } from '../../3-tile/expr.ts';
import { add, choose, div, gt, lt, max, min, mul, polynomial, shl, sub } from '../../3-tile/rules/arithmetic.ts';
import { bitsOf, formatOf, fromBits, nearestOf, powerOfTwo, scale, withSign } from './float-bits.ts';
import * as c from './gen/coefficients.ts';

/** Below `low` e^x rounds to 0, above `high` it overflows; `low2`, `high2`: 2^x; below `lowM1` expm1 rounds to -1. */
const F32 = { low: -104, high: 89, low2: -151, high2: 129, lowM1: -18, ln2: c.LN2_F32, exp: c.EXP_F32 };
const F64 = { low: -746, high: 710, low2: -1076, high2: 1025, lowM1: -38, ln2: c.LN2_F64, exp: c.EXP_F64 };
const TABLES = {
  f32: { ...F32, exp2: c.EXP2_F32, expm1: c.EXPM1_F32, sinh: c.SINH_F32 },
  f64: { ...F64, exp2: c.EXP2_F64, expm1: c.EXPM1_F64, sinh: c.SINH_F64 },
};

/** Below `low` f32's e^-x is infinite, above `high` lost beside 1; `magic` leaves the bits of 2^(n - 1) for n = -126…128. */
const SIGMOID = { low: -88.8, high: 87, magic: 1.5 * 2 ** 23 + 126 };

const tableOf = (x: Expr): (typeof TABLES)['f64'] => TABLES[x.dtype === 'f32' ? 'f32' : 'f64'];

/** x = n ln 2 + r. */
function reduce(x: Expr): { n: Expr; power: Expr; whole: Expr; r: Expr } {
  const { ln2 } = tableOf(x);
  const { whole, ...n } = nearestOf(mul(x, Math.LOG2E));
  return { ...n, whole, r: add(add(x, mul(whole, -ln2[0])), mul(whole, -ln2[1])) };
}

/** r + r^2 q(r). */
const tail = (r: Expr, q: readonly number[]): Expr => add(r, mul(mul(r, r), polynomial(r, q)));

/** e^x 2^shift. */
function expShifted(x: Expr, shift: number, scales = false): Expr {
  const t = tableOf(x);
  const { power, whole, r } = reduce(min(max(x, t.low), t.high - shift));
  const value = x.dtype === 'f32' ? polynomial(r, [1, 1, ...t.exp]) : add(tail(r, t.exp), 1);
  if (scales) return binary('ldexp', value, shift === 0 ? whole : add(whole, shift));
  return scale(value, shift === 0 ? power : add(power, shift));
}

export const exp = (x: Expr, _?: Expr, scales = false): Expr => expShifted(x, 0, scales);

/** 1 / (1 + e^-x). f32: e^-x = 2^(n - 1) (2 e^r) with one factor, as nothing below 2^-126 counts beside 1. */
export function sigmoid(x: Expr): Expr {
  if (x.dtype !== 'f32') return div(1, add(exp(sub(0, x)), 1));
  const { ln2 } = F32;
  const y = min(max(x, SIGMOID.low), SIGMOID.high);
  const shifted = add(mul(y, -Math.LOG2E), SIGMOID.magic);
  const n = sub(shifted, SIGMOID.magic);
  const minusR = add(add(y, mul(n, ln2[0])), mul(n, ln2[1]));
  const twice = [1, 1, ...F32.exp].map((c, i) => (i % 2 === 0 ? 2 * c : -2 * c));
  const value = polynomial(minusR, twice);
  return div(1, add(mul(value, fromBits(shl(bitsOf(shifted), 23))), 1));
}

export function exp2(x: Expr, _?: Expr, scales = false): Expr {
  const t = tableOf(x);
  const clamped = min(max(x, t.low2), t.high2);
  const { whole, power } = nearestOf(clamped);
  const r = sub(clamped, whole);
  const value = add(mul(r, polynomial(r, t.exp2)), 1);
  return scales ? binary('ldexp', value, whole) : scale(value, power);
}

/** 2^n (e^r - 1) + (2^n - 1); for the largest n in two steps, because 2^n itself overflows. */
export function expm1(x: Expr): Expr {
  const t = tableOf(x);
  const { bias, tiny } = formatOf(x);
  const { n, r } = reduce(min(max(x, t.lowM1), t.high));
  const power = powerOfTwo(min(n, bias));
  const sum = add(mul(power, tail(r, t.expm1)), sub(power, 1));
  const scaled = choose(gt(n, bias), mul(sum, 2), sum);
  return choose(lt(abs(x), tiny), x, scaled);
}

/** x + x^3 q(x^2) below 1, e^|x|/2 - 1/(2 e^|x|) above. */
export function sinh(x: Expr): Expr {
  const a = abs(x);
  const z = mul(x, x);
  const small = add(x, mul(mul(x, z), polynomial(z, tableOf(x).sinh)));
  const e = expShifted(a, -1);
  return choose(lt(a, 1), small, withSign(sub(e, div(0.25, e)), x));
}

export function cosh(x: Expr): Expr {
  const e = expShifted(abs(x), -1);
  return add(e, div(0.25, e));
}

/** x p(x^2) / q(x^2) up to `limit`, where it rounds to 1; beyond, x times what p/q is there, which the ends cut. */
function rational(x: Expr, limit: number, p: readonly number[], q: readonly number[]): Expr {
  const z = min(mul(x, x), limit ** 2);
  return min(max(div(mul(x, polynomial(z, p)), polynomial(z, q)), -1), 1);
}

/** f64: t / (t + 2), t = e^(2|x|) - 1. */
export function tanh(x: Expr): Expr {
  if (x.dtype === 'f32') return rational(x, 9.01, c.TANH_F32_P, c.TANH_F32_Q);
  const t = expm1(mul(min(abs(x), 22), 2));
  return withSign(div(t, add(t, 2)), x);
}

/** f64: x p(x^2) / q(x^2) below 1, 1 - e^(-x^2) p(x)/q(x) above. */
export function erf(x: Expr): Expr {
  if (x.dtype === 'f32') return rational(x, 3.93, c.ERF_F32_P, c.ERF_F32_Q);
  const a = min(abs(x), 6);
  const z = mul(a, a);
  const small = div(mul(x, polynomial(z, c.ERF_F64_P)), polynomial(z, c.ERF_F64_Q));
  const rest = div(polynomial(a, c.ERFC_F64_P), polynomial(a, c.ERFC_F64_Q));
  const large = sub(1, mul(exp(sub(0, z)), rest));
  return choose(lt(a, 1), small, withSign(large, x));
}
