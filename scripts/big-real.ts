// Real numbers for deriving and checking the scalar functions: fixed point over bigint with 320
// fraction bits, series with argument reduction, and correct rounding to a double. In: doubles or
// fixed-point values. Out: fixed-point values, good to about 300 bits.

export const BITS = 320n;
export const ONE = 1n << BITS;

/** A number as value * 2^-BITS. */
export type Fix = bigint;

export const mul = (a: Fix, b: Fix): Fix => (a * b) >> BITS;
export const div = (a: Fix, b: Fix): Fix => (a << BITS) / b;
export const int = (n: number | bigint): Fix => BigInt(n) << BITS;
export const ratio = (a: number | bigint, b: number | bigint): Fix => int(a) / BigInt(b);
export const absolute = (a: Fix): Fix => (a < 0n ? -a : a);

const view = new DataView(new ArrayBuffer(8));

/** Mantissa and exponent: x = m * 2^e, exactly. */
export function parts(x: number): { m: bigint; e: number } {
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const m = biased === 0 ? fraction : fraction | (1n << 52n);
  return { m: bits >> 63n ? -m : m, e: Math.max(biased, 1) - 1075 };
}

/** The double as fixed point: exact for |x| >= 2^-260 or so, else truncated. */
export function fix(x: number): Fix {
  const { m, e } = parts(x);
  const shift = BigInt(e) + BITS;
  return shift >= 0n ? m << shift : m >> -shift;
}

/** a * 2^exponent as the nearest double, ties to even, subnormals included. */
export function toNumber(a: Fix, exponent = 0): number {
  if (a === 0n) return 0;
  const m = absolute(a);
  const length = m.toString(16).length * 4 - Math.clz32(Number.parseInt(m.toString(16)[0], 16)) + 28;
  const top = length - Number(BITS) + exponent;
  const lsb = Math.max(top - 53, -1074);
  const drop = BigInt(lsb - exponent + Number(BITS));
  let q = drop > 0n ? m >> drop : m << -drop;
  if (drop > 0n) {
    const rest = m - (q << drop);
    const half = 1n << (drop - 1n);
    if (rest > half || (rest === half && q & 1n)) q++;
  }
  const high = lsb < -500 ? -500 : lsb > 500 ? 500 : lsb;
  const value = Number(q) * 2 ** high * 2 ** (lsb - high);
  return a < 0n ? -value : value;
}

function cached(make: () => Fix): () => Fix {
  let value: Fix | undefined;
  return () => (value ??= make());
}

/** Sum of alternating or plain odd powers: x + s x^3/3 + x^5/5 ... */
function oddSeries(x: Fix, sign: 1n | -1n): Fix {
  const square = mul(x, x) * sign;
  let power = x;
  let sum = x;
  for (let k = 3n; power !== 0n && power !== -1n; k += 2n) {
    power = mul(power, square);
    sum += power / k;
  }
  return sum;
}

export const LN2 = cached(() => 2n * oddSeries(ratio(1, 3), 1n));
export const PI = cached(() => 16n * oddSeries(ratio(1, 5), -1n) - 4n * oddSeries(ratio(1, 239), -1n));

export function sqrt(a: Fix): Fix {
  if (a <= 0n) return 0n;
  const target = a << BITS;
  let x = 1n << BigInt((target.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + target / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

function nearestInt(a: Fix): bigint {
  return (a + (ONE >> 1n)) >> BITS;
}

function taylor(x: Fix, first: Fix, ratioOf: (k: bigint) => bigint, power: Fix): Fix {
  let term = first;
  let sum = first;
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    term = mul(term, power) / ratioOf(k);
    sum += term;
  }
  return x === 0n ? first : sum;
}

/** e^x as value * 2^exponent, so that nothing over- or underflows. */
export function expParts(x: Fix): { value: Fix; exponent: number } {
  const n = nearestInt(div(x, LN2()));
  const r = (x - n * LN2()) >> 8n;
  let value = taylor(r, ONE, (k) => k, r);
  for (let i = 0; i < 8; i++) value = mul(value, value);
  return { value, exponent: Number(n) };
}

export function exp(x: Fix): Fix {
  const { value, exponent } = expParts(x);
  return exponent >= 0 ? value << BigInt(exponent) : value >> BigInt(-exponent);
}

export function expm1(x: Fix): Fix {
  return absolute(x) < ONE >> 4n ? taylor(x, x, (k) => k + 1n, x) : exp(x) - ONE;
}

/** Natural logarithm of x * 2^exponent, x > 0. */
export function log(x: Fix, exponent = 0): Fix {
  let m = x;
  let e = BigInt(exponent);
  const shift = BigInt(m.toString(2).length) - BITS;
  m = shift >= 0n ? m >> shift : m << -shift;
  e += shift;
  // m is in [1/2, 1): three square roots bring it close to 1.
  for (let i = 0; i < 3; i++) m = sqrt(m);
  return 16n * oddSeries(div(m - ONE, m + ONE), 1n) + e * LN2();
}

export function log1p(x: Fix): Fix {
  return absolute(x) < ONE >> 3n ? 2n * oddSeries(div(x, 2n * ONE + x), 1n) : log(ONE + x);
}

function sinReduced(r: Fix): Fix {
  const square = -mul(r, r);
  return taylor(r, r, (k) => 2n * k * (2n * k + 1n), square);
}

function cosReduced(r: Fix): Fix {
  const square = -mul(r, r);
  return taylor(r, ONE, (k) => 2n * k * (2n * k - 1n), square);
}

/** sin(x + quarter * pi / 2). */
export function sin(x: Fix, quarter = 0n): Fix {
  const half = PI() >> 1n;
  const n = nearestInt(div(x, half));
  const r = x - n * half;
  const q = (((n + quarter) % 4n) + 4n) % 4n;
  const value = q % 2n === 0n ? sinReduced(r) : cosReduced(r);
  return q >= 2n ? -value : value;
}

export const cos = (x: Fix): Fix => sin(x, 1n);

/** sin of x = m * 2^e for any exponent: pi to as many bits as x needs. */
export function sinOf(x: number, quarter = 0n): Fix {
  const { m, e } = parts(x);
  if (e <= 0) return sin(fix(x), quarter);
  const extra = BigInt(e) + 64n;
  const pi = bigPi(extra);
  const scaled = (m << BigInt(e)) << (BITS + extra);
  const whole = 2n * pi;
  return sin((scaled % whole) >> extra, quarter);
}

/** pi with `extra` more fraction bits. */
export function bigPi(extra: bigint): bigint {
  const one = 1n << (BITS + extra);
  const arctan = (n: bigint): bigint => {
    let power = one / n;
    let sum = power;
    for (let k = 1n; power !== 0n; k++) {
      power /= n * n;
      sum += (k & 1n ? -power : power) / (2n * k + 1n);
    }
    return sum;
  };
  return 16n * arctan(5n) - 4n * arctan(239n);
}

export function atan(x: Fix): Fix {
  if (x < 0n) return -atan(-x);
  if (x > ONE) return (PI() >> 1n) - atan(div(ONE, x));
  let t = x;
  for (let i = 0; i < 3; i++) t = div(t, ONE + sqrt(ONE + mul(t, t)));
  return 8n * oddSeries(t, -1n);
}

export function asin(x: Fix): Fix {
  const rest = ONE - mul(x, x);
  if (rest <= 0n) return x > 0n ? PI() >> 1n : -(PI() >> 1n);
  return atan(div(x, sqrt(rest)));
}

export function tanh(x: Fix): Fix {
  const e = expm1(2n * x);
  return div(e, e + 2n * ONE);
}

/** erf by its Maclaurin series with positive terms: 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1)/(2n+1)!!. */
export function erf(x: Fix): Fix {
  const square = 2n * mul(x, x);
  let term = x;
  let sum = x;
  for (let n = 3n; term !== 0n && term !== -1n; n += 2n) {
    term = mul(term, square) / n;
    sum += term;
  }
  return div(2n * mul(exp(-mul(x, x)), sum), sqrt(PI()));
}
