// Accuracy of the decomposed scalar functions: sampled over all exponents and special values, executed
// by an evaluator that knows only arithmetic and bits, compared with more precise references. The
// limits are what the decompositions promise, in units of the last place.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as big from '../../scripts/big-real.ts';
import { type Fix, fix, ONE, toNumber } from '../../scripts/big-real.ts';
import { COEFFICIENTS, generate } from '../../scripts/remez.ts';
import {
  binary,
  constant,
  type Expr,
  isFunction,
  localExpr,
  newLocal,
  type UnaryOp,
  unary,
} from '../../src/3-tile/expr.ts';
import { walkExpr } from '../../src/3-tile/rewrite.ts';
import { legalise as decompose } from '../../src/3-tile/rules/legalise.ts';
import { binaryMeaning, erf } from '../../src/3-tile/semantics.ts';
import { FUNCTIONS } from '../../src/ops/functions/index.ts';
import { type Column, column, evaluate, SPECIAL_F32, SPECIAL_F64, samples, ulps } from './evaluate.ts';

type Float = 'f32' | 'f64';
const legalise = (e: Expr): Expr => decompose(e, FUNCTIONS);
const COUNT = 120_000;
const BATCH = 10_000;
const leaf = { f32: localExpr(newLocal('x', 'f32')), f64: localExpr(newLocal('x', 'f64')) };
const second = { f32: localExpr(newLocal('y', 'f32')), f64: localExpr(newLocal('y', 'f64')) };

interface Worst {
  ulps: number;
  at: readonly number[];
  got: number;
}

function worstOf(
  t: Float,
  e: Expr,
  xs: Column,
  ys: Column | null,
  reference: (x: number, y: number) => number,
  fused = false,
): Worst {
  const worst: Worst = { ulps: 0, at: [], got: 0 };
  for (let from = 0; from < xs.length; from += BATCH) {
    const x = xs.slice(from, from + BATCH) as Float64Array;
    const y = ys?.slice(from, from + BATCH) as Float64Array | undefined;
    const leaves = new Map<Expr, Column>([[leaf[t], x], ...(y ? [[second[t], y] as [Expr, Column]] : [])]);
    const got = evaluate(e, leaves, x.length, fused) as Float64Array;
    for (let i = 0; i < x.length; i++) {
      const error = ulps(t, got[i], reference(x[i], y?.[i] ?? 0));
      if (error > worst.ulps) Object.assign(worst, { ulps: error, at: y ? [x[i], y[i]] : [x[i]], got: got[i] });
    }
  }
  return worst;
}

function expectWithin(worst: Worst, limit: number): void {
  const place = worst.ulps > limit ? `at ${worst.at.join(', ')} it gives ${worst.got}` : '';
  expect(`${worst.ulps <= limit ? 'within' : worst.ulps} ${place}`).toBe('within ');
}

/** Reference, interval of the dense samples, limit for f32. */
const F32: readonly [UnaryOp, (x: number) => number, number, number, number][] = [
  ['exp', Math.exp, -104, 89, 2.5],
  ['exp2', (x) => 2 ** x, -150, 128, 1.5],
  ['expm1', Math.expm1, -2, 2, 2],
  ['log', Math.log, 0, 10, 1],
  ['log2', Math.log2, 0, 4, 2],
  ['log1p', Math.log1p, -1, 3, 1.5],
  ['sinh', Math.sinh, -5, 5, 3.5],
  ['cosh', Math.cosh, -5, 5, 3],
  ['tanh', Math.tanh, -10, 10, 6],
  ['erf', erf, -4, 4, 8],
  // 0 where e^-x is infinite.
  ['sigmoid', (x) => 1 / (1 + Math.fround(Math.exp(-x))), -89, 20, 3.5],
  ['asinh', Math.asinh, -5, 5, 2],
  ['acosh', Math.acosh, 1, 5, 2.5],
  ['atanh', Math.atanh, -1, 1, 2.5],
  ['sin', Math.sin, -100, 100, 0.6],
  ['cos', Math.cos, -100, 100, 0.6],
  ['tan', Math.tan, -100, 100, 0.6],
  ['asin', Math.asin, -1, 1, 3],
  ['acos', Math.acos, -1, 1, 2],
  ['atan', Math.atan, -10, 10, 2.5],
];

describe('f32 functions', () => {
  it.each(F32)('%s', (op, reference, lo, hi, limit) => {
    const e = legalise(unary(op, leaf.f32));
    expect(walkExpr(e).some((n) => isFunction(n.op))).toBe(false);
    expectWithin(worstOf('f32', e, samples('f32', COUNT, lo, hi, 7), null, reference), limit);
  });

  it.each(F32)('%s with fused sums', (op, reference, lo, hi, limit) => {
    const xs = samples('f32', 40_000, lo, hi, 41);
    expectWithin(worstOf('f32', legalise(unary(op, leaf.f32)), xs, null, reference, true), limit);
  });

  it.each(F32)('%s runs on lanes of 32 bits', (op) => {
    const types = new Set(walkExpr(legalise(unary(op, leaf.f32))).map((e) => e.dtype));
    expect([...types].filter((t) => !['f32', 'i32', 'u32', 'bool'].includes(t))).toEqual([]);
  });

  // Floats near multiples of pi/2, where most of an angle cancels; the largest of those that are reduced the short way.
  const HARD = [
    16367173 * 2 ** 72,
    1.570796371,
    3.141592741,
    11,
    22,
    355,
    710,
    6399.999,
    6400,
    6400.0005,
    15827476 * 2 ** -12,
    2 ** 127,
    3.4028235e38,
    10416491.0,
    ...Array.from({ length: 4000 }, (_, i) => Math.fround((i * Math.PI) / 2)),
    ...Array.from({ length: 2000 }, (_, i) => Math.fround(i * 2 ** (i % 90) * Math.PI)),
  ].map(Math.fround);

  it.each(['sin', 'cos', 'tan'] as const)('%s near multiples of quarter turns', (op) => {
    const xs = Float32Array.from([...HARD, ...HARD.map((x) => -x)]);
    for (const fused of [false, true]) {
      expectWithin(worstOf('f32', legalise(unary(op, leaf.f32)), xs, null, Math[op], fused), 0.6);
    }
  });

  it('tanh and erf stay within one', () => {
    for (const op of ['tanh', 'erf'] as const) {
      const xs = samples('f32', COUNT, -12, 12, 3);
      const y = evaluate(legalise(unary(op, leaf.f32)), new Map([[leaf.f32, xs]]), xs.length) as Float32Array;
      expect(y.every((v) => Number.isNaN(v) || Math.abs(v) <= 1)).toBe(true);
    }
  });

  it('spreads constants over lanes', () => {
    const x = localExpr(newLocal('v', 'f32', 4));
    for (const [op] of F32) {
      for (const e of walkExpr(legalise(unary(op, x)))) {
        if (e.op !== 'const') expect([e.op, e.lanes]).toEqual([e.op, 4]);
      }
    }
  });
});

/** sinh etc. by big arithmetic; values and arguments that doubles hold. */
const bigExp = (x: number): number => {
  const { value, exponent } = big.expParts(fix(x));
  return toNumber(value, exponent);
};
const half = (x: Fix): Fix => x >> 1n;
const bigLog = (x: number): Fix => {
  const { m, e } = big.parts(x);
  return big.log(m << big.BITS, e);
};

/** Reference for finite ordinary x (others go through Math), sampled interval, limit for f64. */
const F64: readonly [UnaryOp, (x: number) => number, (x: number) => number, number, number, number][] = [
  ['exp', bigExp, Math.exp, -745, 709.7, 1],
  [
    'exp2',
    (x) => {
      const p = big.expParts(big.mul(fix(x), big.LN2()));
      return toNumber(p.value, p.exponent);
    },
    (x) => 2 ** x,
    -1074,
    1023.9,
    2,
  ],
  ['expm1', (x) => toNumber(big.expm1(fix(x))), Math.expm1, -3, 3, 2],
  ['log', (x) => toNumber(bigLog(x)), Math.log, 0, 10, 1],
  ['log2', (x) => toNumber(big.div(bigLog(x), big.LN2())), Math.log2, 0, 4, 2],
  ['log1p', (x) => toNumber(big.log1p(fix(x))), Math.log1p, -0.99, 3, 1.5],
  ['sinh', (x) => toNumber(half(big.exp(fix(x)) - big.exp(-fix(x)))), Math.sinh, -5, 5, 2],
  ['cosh', (x) => toNumber(half(big.exp(fix(x)) + big.exp(-fix(x)))), Math.cosh, -5, 5, 2],
  ['tanh', (x) => toNumber(big.tanh(fix(x))), Math.tanh, -20, 20, 4],
  ['erf', (x) => toNumber(big.erf(fix(x))), erf, -5.5, 5.5, 2],
  ['asin', (x) => toNumber(big.asin(fix(x))), Math.asin, -1, 1, 2],
  ['acos', (x) => toNumber(half(big.PI()) - big.asin(fix(x))), Math.acos, -1, 1, 2],
  ['atan', (x) => toNumber(big.atan(fix(x))), Math.atan, -10, 10, 1.5],
  ['sin', (x) => toNumber(big.sinOf(x)), Math.sin, -1e6, 1e6, 1],
  ['cos', (x) => toNumber(big.sinOf(x, 1n)), Math.cos, -1e6, 1e6, 1],
  ['tan', (x) => toNumber(big.div(big.sinOf(x), big.sinOf(x, 1n))), Math.tan, -1e6, 1e6, 2],
  ['atanh', (x) => toNumber(half(big.log(big.div(ONE + fix(x), ONE - fix(x))))), Math.atanh, -0.999, 0.999, 3],
  [
    'asinh',
    (x) => Math.sign(x) * toNumber(big.log(big.absolute(fix(x)) + big.sqrt(big.mul(fix(x), fix(x)) + ONE))),
    Math.asinh,
    -5,
    5,
    3,
  ],
  ['acosh', (x) => toNumber(big.log(fix(x) + big.sqrt(big.mul(fix(x), fix(x)) - ONE))), Math.acosh, 1, 5, 3],
];

describe('where one instruction scales by a power of two', () => {
  it.each(['exp', 'exp2'] as const)('%s is the same to the bit', (op) => {
    for (const t of ['f32', 'f64'] as const) {
      const [scaled, plain] = [true, false].map((scales) => decompose(unary(op, leaf[t]), FUNCTIONS, { scales }));
      expect(walkExpr(scaled).length).toBeLessThan(walkExpr(plain).length);
      const xs = samples(t, COUNT, t === 'f32' ? -150 : -1080, t === 'f32' ? 130 : 1030, 17);
      for (let from = 0; from < xs.length; from += BATCH) {
        const x = xs.slice(from, from + BATCH) as Float64Array;
        const [a, b] = [scaled, plain].map((e) => evaluate(e, new Map([[leaf[t], x]]), x.length));
        expect(a).toEqual(b);
      }
    }
  });
});

describe('f64 functions', () => {
  it.each(F64)('%s, against big arithmetic', (op, exact, _, lo, hi, limit) => {
    const n = 3000;
    const xs = Float64Array.from(samples('f64', 2 * n, lo, hi, 11).filter((__, i) => i % 2 === 1)).filter(
      (x) => x > lo && x < hi && x !== 1 && Math.abs(x) > 1e-30,
    );
    expectWithin(worstOf('f64', legalise(unary(op, leaf.f64)), xs, null, exact), limit);
  });

  it.each(F64)('%s, with fused sums', (op, exact, _, lo, hi, limit) => {
    const xs = samples('f64', 1000, lo, hi, 43).filter(
      (x, i) => i % 2 === 1 && x > lo && x < hi && Math.abs(x) > 1e-30,
    );
    const ordinary = Float64Array.from(xs).filter((x) => x !== 1);
    expectWithin(worstOf('f64', legalise(unary(op, leaf.f64)), ordinary, null, exact, true), limit + 0.5);
  });

  it.each(F64)('%s, over all exponents', (op, _, approximate, lo, hi, limit) => {
    const e = legalise(unary(op, leaf.f64));
    expectWithin(
      worstOf('f64', e, samples('f64', COUNT, lo, hi, 13), null, approximate),
      limit + (op === 'erf' ? 11 : 1.5),
    );
  });

  it('sin and cos of large arguments', () => {
    const xs = samples('f64', 1000, 0, 1, 17)
      .map((x, i) => (i < 30 ? 6381956970095103 * 2 ** (797 - i) : x))
      .filter(Number.isFinite);
    for (const [op, quarter] of [
      ['sin', 0n],
      ['cos', 1n],
    ] as const) {
      const e = legalise(unary(op, leaf.f64));
      const exact = (x: number): number => (Math.abs(x) < 1e-60 ? Math[op](x) : toNumber(big.sinOf(x, quarter)));
      expectWithin(worstOf('f64', e, Float64Array.from(xs), null, exact), 1);
    }
  });
});

/** Every pair of special values, then random pairs. */
function pairs(
  t: Float,
  count: number,
  xRange: readonly [number, number],
  yRange: readonly [number, number],
): [Column, Column] {
  const special = t === 'f32' ? SPECIAL_F32 : SPECIAL_F64;
  const x = samples(t, count, ...xRange, 19);
  const y = samples(t, count, ...yRange, 23);
  let i = 0;
  for (const a of special) {
    for (const b of special) {
      x[i] = a;
      y[i++] = b;
    }
  }
  return [x, y];
}

function bigPow(x: number, y: number): number {
  const a = Math.abs(x);
  const p = big.expParts(big.mul(bigLog(a), fix(y)));
  const size = Math.abs(p.exponent) > 1e5 ? (p.exponent > 0 ? Infinity : 0) : toNumber(p.value, p.exponent);
  return x < 0 && y % 2 !== 0 ? -size : size;
}

describe('functions of two operands', () => {
  const pow = binaryMeaning('pow', 'f64') as (x: number, y: number) => number;
  it.each([
    ['f32', 1],
    ['f64', 3],
  ] as const)('pow of %s', (t, limit) => {
    const [x, y] = pairs(t, COUNT, [0, 20], [-30, 30]);
    expectWithin(worstOf(t, legalise(binary('pow', leaf[t], second[t])), x, y, pow), limit);
  });

  it('pow of f32 over the exponents of its results', () => {
    const bases = samples('f32', COUNT, 0.5, 2, 47).map(Math.abs);
    const logs = samples('f32', COUNT, -152, 129, 53);
    const x = bases.filter((v, i) => i % 2 === 1 && v !== 1);
    const y = x.map((v, i) => logs[2 * i + 1] / Math.log2(v));
    const e = legalise(binary('pow', leaf.f32, second.f32));
    for (const fused of [false, true]) expectWithin(worstOf('f32', e, x, y, pow, fused), 1);
    expect(walkExpr(e).every((n) => n.dtype !== 'f64' && n.dtype !== 'i64')).toBe(true);
  });

  it('pow of f32 with fused sums', () => {
    const [x, y] = pairs('f32', 40_000, [-20, 20], [-30, 30]);
    const whole = (y as Float32Array).map((v, i) => (i % 4 === 3 ? Math.round(v) : v));
    expectWithin(worstOf('f32', legalise(binary('pow', leaf.f32, second.f32)), x, whole, pow, true), 1);
  });

  it('pow of f64, against big arithmetic', () => {
    const x = samples('f64', 3000, 0.5, 2, 29).filter((v, i) => i % 2 === 1 && v > 0.5);
    const y = samples('f64', 3000, -1000, 1000, 31)
      .filter((_, i) => i % 2 === 1)
      .slice(0, x.length);
    const e = legalise(binary('pow', leaf.f64, second.f64));
    expectWithin(worstOf('f64', e, x, y, bigPow), 1.5);
    expectWithin(worstOf('f64', e, x.slice(0, 300), y.slice(0, 300), bigPow, true), 1.5);
  });

  it('pow with constant exponents', () => {
    for (const exponent of [0, 1, 2, 3, 4, -1, -2, 0.5, -0.5]) {
      const e = legalise(binary('pow', leaf.f32, constant('f32', exponent)));
      expect(walkExpr(e).length).toBeLessThan(12);
      expectWithin(
        worstOf('f32', e, samples('f32', 20_000, 0, 10, 37), null, (x) => pow(x, exponent)),
        2.5,
      );
    }
  });

  it.each([
    ['f32', 2.5],
    ['f64', 2.5],
  ] as const)('atan2 of %s', (t, limit) => {
    const [y, x] = pairs(t, COUNT, [-4, 4], [-4, 4]);
    expectWithin(worstOf(t, legalise(binary('atan2', leaf[t], second[t])), y, x, Math.atan2), limit);
  });

  it.each(['i32', 'u32', 'i64', 'u64'] as const)('pow of %s', (t) => {
    const [a, b] = [localExpr(newLocal('a', t)), localExpr(newLocal('b', t))];
    const bases = [0, 1, -1, 2, -2, 3, 7, 10, -5, 46341, 2 ** 31 - 1, -(2 ** 31)];
    const exponents = [0, 1, 2, 3, 5, 31, 32, 63, 1000, 2 ** 31 - 1, -1, -2, -7];
    const wide = t === 'i64' || t === 'u64';
    const meaning = binaryMeaning('pow', t) as (x: unknown, y: unknown) => unknown;
    const all = bases.flatMap((x) =>
      exponents.map((y) => [constant(t, wide ? BigInt(x) : x), constant(t, wide ? BigInt(y) : y)]),
    );
    const columns = [0, 1].map((k) => {
      const values = column(t, all.length);
      all.forEach((p, i) => {
        values[i] = p[k].arg as never;
      });
      return values;
    });
    const got = evaluate(
      legalise(binary('pow', a, b)),
      new Map([
        [a, columns[0]],
        [b, columns[1]],
      ]),
      all.length,
    );
    all.forEach(([x, y], i) => {
      expect(got[i]).toBe(meaning(x.arg, y.arg));
    });
  });
});

it('the coefficients are those that the fits give', () => {
  expect(readFileSync(COEFFICIENTS, 'utf8')).toBe(generate());
});
