// `npx tsx scripts/remez.ts` regenerates src/ops/functions/gen/coefficients.ts: the minimax coefficients of
// the scalar functions and the split constants of their argument reductions. Each row below says which
// function is fitted, on which interval, in which form, under which weight, to which degree. The
// printed error is the fit's own, in bits relative to the function's value, before rounding.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as big from './big-real.ts';
import { type Fix, fix, LN2, mul, ONE, PI, ratio, toNumber } from './big-real.ts';
import { minimax, type Target } from './minimax.ts';

type Type = 'f32' | 'f64';
interface Row extends Target {
  readonly name: string;
  readonly type: Type;
  /** What the coefficients approximate. */
  readonly says: string;
}

const square = (x: Fix): Fix => mul(x, x);
const cube = (x: Fix): Fix => mul(x, square(x));
const div = big.div;
/** Odd and even functions are fitted over positive arguments, as polynomials of the square. */
const SMALL = ratio(1, 4096);
const LN2_HALF = mul(LN2(), ratio(503, 1000));
const SQRT_HALF = big.sqrt(ratio(1, 2)) - ONE;
const SQRT_TWO = big.sqrt(2n * ONE) - ONE;
const S_MAX = div(SQRT_TWO, SQRT_TWO + 2n * ONE);

/** (f(x) - x) / x^3 as a polynomial of x^2. */
function oddTail(f: (x: Fix) => Fix, to: Fix): Omit<Row, 'name' | 'type' | 'says' | 'degree'> {
  return {
    f: (x) => div(f(x) - x, cube(x)),
    weight: (x) => div(cube(x), f(x)),
    argument: square,
    from: SMALL,
    to,
  };
}

const expTail: Omit<Row, 'name' | 'type' | 'degree'> = {
  says: 'q(r): e^r = 1 + r + r^2 q(r), |r| <= ln(2)/2',
  f: (r) => div(big.expm1(r) - r, square(r)),
  weight: (r) => div(square(r), big.exp(r)),
  from: -LN2_HALF,
  to: LN2_HALF,
};
const expm1Tail = { ...expTail, weight: (r: Fix) => big.absolute(div(square(r), big.expm1(r))) };
const exp2Tail: Omit<Row, 'name' | 'type' | 'degree'> = {
  says: 'q(r): 2^r = 1 + r q(r), |r| <= 1/2',
  f: (r) => div(big.expm1(mul(r, LN2())), r),
  weight: (r) => div(big.absolute(r), big.exp(mul(r, LN2()))),
  from: -ratio(501, 1000),
  to: ratio(501, 1000),
};
const exp2Tail2: Omit<Row, 'name' | 'type' | 'degree'> = {
  ...exp2Tail,
  says: 'q(r): 2^r = 1 + r ln 2 + r^2 q(r), |r| <= 1/2',
  f: (r) => div(big.expm1(mul(r, LN2())) - mul(r, LN2()), square(r)),
  weight: (r) => div(square(r), big.exp(mul(r, LN2()))),
};
const quarterPi = mul(PI(), ratio(251, 1000));
const cosTail: Omit<Row, 'name' | 'type' | 'degree'> = {
  says: 'q(z): cos x = 1 - z/2 + z^2 q(z), z = x^2, |x| <= pi/4',
  f: (x) => div(big.cos(x) - ONE + (square(x) >> 1n), square(square(x))),
  weight: (x) => div(square(square(x)), big.cos(x)),
  argument: square,
  from: ratio(1, 256),
  to: quarterPi,
};
const sinTail = {
  ...oddTail(big.sin, quarterPi),
  says: 'q(z): sin x = x + x z q(z), z = x^2, |x| <= pi/4',
};
const atanTail = {
  ...oddTail(big.atan, SQRT_TWO),
  says: 'q(z): atan x = x + x z q(z), z = x^2, |x| <= tan(pi/8)',
};
const asinTail = {
  ...oddTail(big.asin, ratio(1, 2)),
  says: 'q(z): asin x = x + x z q(z), z = x^2, |x| <= 1/2',
};
const sinhTail = {
  ...oddTail((x) => (big.exp(x) - big.exp(-x)) >> 1n, ONE),
  says: 'q(z): sinh x = x + x z q(z), z = x^2, |x| <= 1',
};
/** log((1 + s) / (1 - s)) = 2 s + s z q(z), z = s^2. */
const logTail: Omit<Row, 'name' | 'type' | 'degree'> = {
  says: 'q(z): log((1+s)/(1-s)) = 2 s + s z q(z), z = s^2, |s| <= 3 - 2 sqrt(2)',
  f: (s) => div(big.log1p(div(2n * s, ONE - s)) - 2n * s, cube(s)),
  weight: (s) => div(cube(s), big.log1p(div(2n * s, ONE - s))),
  argument: square,
  from: SMALL,
  to: S_MAX,
};
const fifth = (s: Fix): Fix => mul(square(square(s)), s);
/** The same with the cubic term exact. */
const logTail5: Omit<Row, 'name' | 'type' | 'degree'> = {
  ...logTail,
  says: 'q(z): log((1+s)/(1-s)) = 2 s + 2/3 s z + s z^2 q(z), z = s^2, |s| <= 3 - 2 sqrt(2)',
  f: (s) => div(big.log1p(div(2n * s, ONE - s)) - 2n * s - (2n * cube(s)) / 3n, fifth(s)),
  weight: (s) => div(fifth(s), big.log1p(div(2n * s, ONE - s))),
  from: ratio(1, 256),
};
/** In bits, close to 1. */
const log2Tail: Omit<Row, 'name' | 'type' | 'degree'> = {
  ...logTail,
  says: 'q(z): log2((1+s)/(1-s)) = 2/ln(2) s + s z q(z), z = s^2, |s| <= 0.0235',
  f: (s) => div(logTail.f(s), LN2()),
  to: ratio(235, 10000),
};
const overX = (f: (x: Fix) => Fix): Pick<Target, 'f' | 'weight' | 'argument' | 'from'> => ({
  f: (x) => div(f(x), x),
  weight: (x) => div(x, f(x)),
  argument: square,
  from: SMALL,
});

const ROWS: readonly Row[] = [
  { name: 'EXP_F32', type: 'f32', ...expTail, degree: 3 },
  { name: 'EXPM1_F32', type: 'f32', ...expm1Tail, degree: 4 },
  { name: 'EXP2_F32', type: 'f32', ...exp2Tail, degree: 5 },
  {
    name: 'LOG_F32',
    type: 'f32',
    degree: 7,
    says: 'q(f): log(1+f) = f - f^2/2 + f^3 q(f), sqrt(1/2) <= 1+f <= sqrt(2)',
    f: (x) => div(big.log1p(x) - x + (square(x) >> 1n), cube(x)),
    weight: (x) => div(cube(x), big.log1p(x)),
    from: SQRT_HALF,
    to: SQRT_TWO,
  },
  { name: 'SINH_F32', type: 'f32', ...sinhTail, degree: 2 },
  { name: 'ATAN_F32', type: 'f32', ...atanTail, degree: 3 },
  { name: 'ASIN_F32', type: 'f32', ...asinTail, degree: 4 },
  {
    name: 'TANH_F32',
    type: 'f32',
    degree: 4,
    denominator: 4,
    fixed: [ONE],
    says: 'p(z)/q(z): tanh(x) / x, z = x^2, |x| <= 9.01',
    ...overX(big.tanh),
    to: fix(9.01),
  },
  {
    name: 'ERF_F32',
    type: 'f32',
    degree: 5,
    denominator: 5,
    says: 'p(z)/q(z): erf(x) / x, z = x^2, |x| <= 3.93',
    ...overX(big.erf),
    to: fix(3.93),
  },
  { name: 'LOG2_POW_F32', type: 'f32', ...log2Tail, degree: 1 },
  { name: 'EXP2_POW_F32', type: 'f32', ...exp2Tail2, degree: 5 },
  { name: 'SIN_SHORT', type: 'f64', ...sinTail, degree: 3 },
  { name: 'COS_SHORT', type: 'f64', ...cosTail, degree: 2 },
  { name: 'EXP_F64', type: 'f64', ...expTail, degree: 9 },
  { name: 'EXPM1_F64', type: 'f64', ...expm1Tail, degree: 10 },
  { name: 'EXP2_F64', type: 'f64', ...exp2Tail, degree: 11 },
  { name: 'LOG_F64', type: 'f64', ...logTail, degree: 6 },
  { name: 'LOG_POW', type: 'f64', ...logTail5, degree: 6 },
  { name: 'SIN_F64', type: 'f64', ...sinTail, degree: 5 },
  { name: 'COS_F64', type: 'f64', ...cosTail, degree: 5 },
  { name: 'SINH_F64', type: 'f64', ...sinhTail, degree: 6 },
  { name: 'ATAN_F64', type: 'f64', ...atanTail, degree: 11 },
  { name: 'ASIN_F64', type: 'f64', ...asinTail, degree: 12 },
  {
    name: 'ERF_F64',
    type: 'f64',
    degree: 5,
    denominator: 5,
    says: 'p(z)/q(z): erf(x) / x, z = x^2, |x| <= 1',
    ...overX(big.erf),
    to: ONE,
  },
  {
    name: 'ERFC_F64',
    type: 'f64',
    degree: 5,
    denominator: 6,
    says: 'p(x)/q(x): e^(x^2) (1 - erf x), 1 <= x <= 6',
    f: (x) => mul(big.exp(square(x)), ONE - big.erf(x)),
    weight: (x) => div(big.exp(-square(x)), big.erf(x)),
    from: ratio(99, 100),
    to: 6n * ONE,
  },
];

/** A constant as a sum of numbers, all but the last with `bits` significant bits. */
function split(value: Fix, bits: number, count: number, type: Type): number[] {
  const out: number[] = [];
  let rest = value;
  for (let i = 0; i < count; i++) {
    const length = big.absolute(rest).toString(2).length;
    const drop = BigInt(Math.max(length - bits, 0));
    const part = i === count - 1 ? rest : (rest >> drop) << drop;
    const n = toNumber(part);
    out.push(type === 'f32' ? Math.fround(n) : n);
    rest -= fix(out[i]);
  }
  return out;
}

const log2e = div(ONE, LN2());
const SPLITS: readonly [name: string, says: string, values: number[]][] = [
  ['LN2_F32', 'ln 2; n times the first part is exact', split(LN2(), 11, 2, 'f32')],
  ['LN2_F64', 'ln 2; n times the first part is exact', split(LN2(), 42, 2, 'f64')],
  ['LOG2E_F32', '1 / ln 2', split(log2e, 12, 2, 'f32')],
  ['LOG2E_F64', '1 / ln 2', split(log2e, 26, 2, 'f64')],
  ['LN2_POW_F32', 'ln 2', split(LN2(), 12, 2, 'f32')],
  ['TWICE_LOG2E_F32', '2 / ln 2', split(2n * log2e, 12, 2, 'f32')],
  ['TWO_THIRDS', '2 / 3', split(ratio(2, 3), 53, 2, 'f64')],
  ['LOG2E_POW', '1 / ln 2', split(log2e, 53, 2, 'f64')],
  ['PI_F32', 'pi', split(PI(), 24, 2, 'f32')],
  ['PI_F64', 'pi', split(PI(), 53, 2, 'f64')],
  ['HALF_PI_F32', 'pi / 2; whole numbers to 2^12 times a part but the last are exact', split(PI() >> 1n, 12, 4, 'f32')],
];

/** 2^-64 of 2 / pi as `count` words after the point. */
function words(count: number): string[] {
  const bits = BigInt(64 * (count - 1));
  const value = (2n << (bits + big.BITS + bits)) / big.bigPi(bits);
  return Array.from(
    { length: count },
    (_, i) => `0x${((value >> BigInt(64 * (count - 1 - i))) & 0xffffffffffffffffn).toString(16)}n`,
  );
}

/** `name = [values]`, on one line of 120 columns where it fits. */
function table(name: string, type: string, values: readonly (number | string)[]): string {
  const head = `export const ${name}: readonly ${type}[] = [`;
  const short = `${head}${values.join(', ')}];`;
  if (short.length <= 120) return short;
  const lines = [head];
  let line = ' ';
  for (const v of values) {
    if (line.length + `${v}`.length + 2 > 120 || (typeof v === 'string' && line !== ' ')) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${v},`;
  }
  return [...lines, line, '];'].join('\n');
}

/** The text of the table; `report` hears each fit's error. */
export function generate(report: (line: string) => void = () => {}): string {
  const lines = [
    '// Generated: run `npx tsx scripts/remez.ts` to write it again; do not edit. Minimax coefficients,',
    '// lowest power first, and constants split into parts, rounded to the type that their names end in',
    '// (others: f64).',
    '',
  ];
  const round = (type: Type) => (c: Fix) => (type === 'f32' ? Math.fround(toNumber(c)) : toNumber(c));
  for (const row of ROWS) {
    const fit = minimax(row);
    report(`${row.name.padEnd(12)} 2^${Math.log2(fit.error).toFixed(1)}`);
    lines.push(`/** ${row.says}. */`);
    const p = fit.p.map(round(row.type));
    if (row.denominator) {
      lines.push(table(`${row.name}_P`, 'number', p));
      lines.push(table(`${row.name}_Q`, 'number', fit.q.map(round(row.type))));
    } else lines.push(table(row.name, 'number', p));
  }
  lines.push('/** 64 zero bits, then 2 / pi, in words of 64 bits. */');
  lines.push(table('TWO_OVER_PI_WORDS', 'bigint', words(20)));
  for (const [name, says, values] of SPLITS) {
    lines.push(`/** ${says}. */`, table(name, 'number', values));
  }
  return `${lines.join('\n')}\n`;
}

/** The file that holds the table. */
export const COEFFICIENTS = join(fileURLToPath(import.meta.url), '../../src/ops/functions/gen/coefficients.ts');

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(COEFFICIENTS, generate(console.log));
