// Real functions that Math lacks, in f64: erf (to about 1e-16 relative), round half to even.
// The interpreter uses them as the reference for the decomposed forms of the generated code.

/** Rounds to the nearest integer, ties to even, keeping the sign of zero. */
export function nearestEven(x: number): number {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const f = Math.floor(x);
  const rest = x - f;
  const r = rest < 0.5 ? f : rest > 0.5 ? f + 1 : f % 2 === 0 ? f : f + 1;
  return r === 0 && (x < 0 || Object.is(x, -0)) ? -0 : r;
}

/** Error function: Maclaurin series below 2.5, continued fraction of erfc above. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  return x < 0 ? -erfPositive(a) : x === 0 ? x : erfPositive(a);
}

function erfPositive(a: number): number {
  if (a < 2.5) {
    // erf x = 2/sqrt(pi) * exp(-x^2) * sum 2^n x^(2n+1) / (2n+1)!!: all terms positive.
    let term = a;
    let sum = a;
    for (let n = 1; n < 120 && term > sum * 1e-17; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
  }
  let f = 0;
  for (let k = 60; k >= 1; k--) f = k / 2 / (a + f);
  return 1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f));
}
