// Discrete Fourier transforms as sums of products with tables. Each output component is a sum over input elements and
// their components times cos or sin; long transforms of composite length are two such sums, one within the other
// (Cooley and Tukey), of which each runs over a factor of the length.
import {
  add,
  type ComputeType,
  cast,
  computeType,
  constant,
  type Expr,
  index,
  load,
  mul,
  rem,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { elementCount, elements, emptyTensor } from '../ir/tensor.ts';
import { times } from './index-math.ts';
import type { LowerContext, TileTensor } from './op.ts';

export interface Transform {
  /** Length of the transform. */
  readonly n: number;
  readonly inverse: boolean;
  /** Input elements that count, and output elements. */
  readonly used: number;
  readonly bins: number;
  /** Components of an input element: 1 (real) or 2. */
  readonly from: number;
  /** Components of an output element. */
  readonly to: number;
}

/** The factor of input element m's component `from` in output element k's component `to`. */
type Factor = (to: Expr, from: Expr, k: Expr, m: Expr) => Expr;

/** Entries from which on a table over all pairs of elements takes more than it saves. */
const MOST_PAIRS = 2 ** 20;
/** How many times fewer products two sums must have, and the entries of their tables at most. */
const GAIN = 4;
const MOST_STAGED = 2 ** 22;

/** cos and sin of 2π i / n, with exact values at the axes. */
function turn(i: number, n: number): [number, number] {
  const eighths = (8 * i) / n;
  if (eighths === 0) return [1, 0];
  if (eighths === 2) return [0, 1];
  if (eighths === 4) return [-1, 0];
  if (eighths === 6) return [0, -1];
  const angle = (2 * Math.PI * i) / n;
  return [Math.cos(angle), Math.sin(angle)];
}

type Float = 'f32' | 'f64';
/** Factors by [to][from] and turns. */
type Rotation = (to: number, from: number, turns: number) => number;

/** Factors after so many n-ths of a turn, times `scale`. */
function rotation(n: number, inverse: boolean, scale = 1): Rotation {
  const turns = Array.from({ length: n }, (_, i) => turn(i, n));
  const sign = inverse ? 1 : -1;
  return (to, from, i) => {
    const [re, im] = turns[i % n];
    return scale * (to === from ? re : to === 1 ? sign * im : -sign * im);
  };
}

/** A constant of these extents, row-major. */
function table(c: LowerContext, dtype: Float, shape: readonly number[], value: (ix: readonly number[]) => number) {
  const data = emptyTensor(dtype, shape);
  const access = elements(dtype, data.bytes);
  const ix = shape.map(() => 0);
  for (let i = 0; i < elementCount(shape); i++) {
    access.set(i, value(ix));
    for (let d = shape.length - 1; d >= 0 && ++ix[d] === shape[d]; d--) ix[d] = 0;
  }
  return c.b.constant(data);
}

/** The factors of a transform, looked up by both elements while that is a small table, else by their product. */
export function factors(c: LowerContext, { n, inverse, used, bins, from, to }: Transform, dtype: Float): Factor {
  const by = rotation(n, inverse, inverse ? 1 / n : 1);
  if (used * from * bins * to <= MOST_PAIRS) {
    const pairs = table(c, dtype, [used, from, bins, to], ([m, f, k, t]) => by(t, f, k * m));
    return (t, f, k, m) => load(pairs, [m, f, k, t]);
  }
  const all = table(c, dtype, [to, from, n], ([t, f, i]) => by(t, f, i));
  const big = n > 46340;
  const wide = (e: Expr): Expr => (big ? cast('i64', e) : e);
  return (t, f, k, m) => {
    const turns = rem(mul(wide(k), wide(m)), big ? constant('i64', n) : index(n));
    return load(all, [t, f, cast('i32', turns)]);
  };
}

/** Two factors of a length, the larger first, whose sum is least. */
function split(n: number): [number, number] {
  let small = Math.floor(Math.sqrt(n));
  while (n % small > 0) small--;
  return [n / small, small];
}

/** Whether two sums over factors of the length take far fewer products than one; both parts of every bin are made. */
export function isStaged({ n, used, bins, from, to }: Transform): boolean {
  const [n1, n2] = split(n);
  const [inOne, inTwo] = [from * bins, 2 * (from * n1 + 2 * n2)];
  return used === n && to === 2 && 2 * n * inOne >= GAIN * n * inTwo && 4 * n2 * n <= MOST_STAGED;
}

/**
 * Transforms [outer, n, inner, component] to [outer, bins, inner, component]. With m = n2·m1 + m2 and k = k1 + n1·k2,
 * the factor of m in k is that of m1 in k1 at length n1, times that of m2 in k at length n.
 */
export function inStages(c: LowerContext, x: TileTensor, t: Transform): TileTensor {
  const { n, inverse, bins, from } = t;
  const [outer, , inner] = x.shape;
  const dtype = transformType(computeType(x.dtype));
  const [n1, n2] = split(n);
  const within = rotation(n1, inverse);
  const first = table(c, dtype, [n1, from, 2, n1], ([m, f, to, k]) => within(to, f, k * m));
  const parts = c.b.reduce(dtype, [2, outer, inner, n2, n1], [n1, from], sum(dtype), ([to, o, i, m2, k1], [m1, f]) =>
    mul(load(x, [o, add(times(m1, n2), m2), i, f]), load(first, [m1, f, to, k1])),
  );
  const rows = Math.ceil(bins / n1);
  const around = rotation(n, inverse, inverse ? 1 / n : 1);
  const second = table(c, dtype, [n2, 2, 2, rows, n1], ([m, f, to, k2, k1]) => around(to, f, (k1 + n1 * k2) * m));
  const planes = c.b.reduce(dtype, [2, outer, inner, rows, n1], [n2, 2], sum(dtype), ([to, o, i, k2, k1], [m2, f]) =>
    mul(load(parts, [f, o, i, m2, k1]), load(second, [m2, f, to, k2, k1])),
  );
  const all = c.b.view(planes, [2, outer, inner, rows * n1]);
  return c.b.map(c.outDtype(), [outer, bins, inner, 2], ([o, k, i, to]) => load(all, [to, o, i, k]));
}

export const transformType = (t: ComputeType): Float => (t === 'f64' ? 'f64' : 'f32');
