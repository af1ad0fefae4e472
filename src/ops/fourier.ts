// Discrete Fourier transforms as one reduction: each output component is a sum over input elements
// and their components times a twiddle table [output component, input component, n].

import { type ComputeType, cast, constant, type Expr, index, load, mul, rem } from '../3-tile/expr.ts';
import { elements, emptyTensor } from '../ir/tensor.ts';
import type { LowerContext, TileTensor } from './op.ts';

export interface Transform {
  /** Length of the transform. */
  readonly n: number;
  readonly inverse: boolean;
  /** Components of an input element: 1 (real) or 2. */
  readonly from: number;
  /** Components of an output element. */
  readonly to: number;
}

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

/** Table [to, from, n]; an inverse transform is scaled by 1 / n. */
export function twiddles(c: LowerContext, t: Transform, dtype: 'f32' | 'f64'): TileTensor {
  const data = emptyTensor(dtype, [t.to, t.from, t.n]);
  const access = elements(dtype, data.bytes);
  const sign = t.inverse ? 1 : -1;
  const scale = t.inverse ? 1 / t.n : 1;
  for (let i = 0; i < t.n; i++) {
    const [re, im] = turn(i, t.n);
    const table = [
      [re, -sign * im],
      [sign * im, re],
    ];
    for (let o = 0; o < t.to; o++) {
      for (let s = 0; s < t.from; s++) access.set((o * t.from + s) * t.n + i, table[o][s] * scale);
    }
  }
  return c.b.constant(data);
}

/** value * table[to, from, k * m mod n]. */
export function twisted(table: TileTensor, value: Expr, to: Expr, from: Expr, k: Expr, m: Expr): Expr {
  const n = table.shape[2];
  const big = n > 46340;
  const wide = (e: Expr): Expr => (big ? cast('i64', e) : e);
  const turns = rem(mul(wide(k), wide(m)), big ? constant('i64', n) : index(n));
  return mul(value, load(table, [to, from, cast('i32', turns)]));
}

export const transformType = (t: ComputeType): 'f32' | 'f64' => (t === 'f64' ? 'f64' : 'f32');
