// Interpolation at run-time coordinates: what lies at an integer position outside of the input, and
// the weights of the neighbours of a fractional one.
import {
  abs,
  add,
  cast,
  constant,
  div,
  type Expr,
  floor,
  gt,
  guardedLoad,
  index,
  le,
  load,
  lt,
  mul,
  select,
  sub,
  trunc,
} from '../3-tile/expr.ts';
import { allOf, clampIndex, within } from './index-math.ts';
import type { TileTensor } from './op.ts';

export type Padding = 'zeros' | 'border' | 'reflection';
export type Interpolation = 'nearest' | 'linear' | 'cubic';

/** Neighbours read per axis. */
export const TAPS: Readonly<Record<Interpolation, number>> = { nearest: 1, linear: 2, cubic: 4 };

export interface Border {
  readonly low: number;
  readonly high: number;
}

/** A coordinate reflected at the borders until it lies between them. */
export function reflect(x: Expr, { low, high }: Border): Expr {
  const number = (v: number): Expr => constant(x.dtype, v);
  const range = high - low;
  if (range <= 0) return number(low);
  const bounce = (distance: Expr, near: number, far: number): Expr => {
    const turns = trunc(div(distance, number(range)));
    const rest = sub(distance, mul(turns, number(range)));
    const half = mul(turns, number(0.5));
    const even = le(abs(sub(half, trunc(half))), number(0.25));
    const step = near < far ? 1 : -1;
    const away = add(number(near), mul(rest, number(step)));
    return select(even, away, sub(number(far), mul(rest, number(step))));
  };
  const below = bounce(sub(number(low), x), low, high);
  const above = bounce(sub(x, number(high)), high, low);
  return select(lt(x, number(low)), below, select(gt(x, number(high)), above, x));
}

const CUBIC = -0.75;

/** Weight of the neighbour at `offset` (an i32 from 0) of a position with fraction `part`. */
export function weightOf(mode: Interpolation, part: Expr, offset: Expr): Expr {
  const number = (v: number): Expr => constant(part.dtype, v);
  if (mode === 'nearest') return number(1);
  if (mode === 'linear') return select(lt(offset, index(1)), sub(number(1), part), part);
  const a = CUBIC;
  const d = abs(sub(add(part, number(1)), cast(part.dtype as 'f32', offset)));
  const near = add(mul(mul(sub(mul(number(a + 2), d), number(a + 3)), d), d), number(1));
  const far = sub(mul(add(mul(sub(mul(number(a), d), number(5 * a)), d), number(8 * a)), d), number(4 * a));
  return select(le(d, number(1)), near, far);
}

/** The i32 position of neighbour `offset` of coordinate x. */
export function neighbour(mode: Interpolation, x: Expr, offset: Expr): Expr {
  const base = cast('i32', floor(x));
  if (mode === 'nearest') return base;
  return mode === 'linear' ? add(base, offset) : sub(add(base, offset), index(1));
}

/** Element of x at [lead…, at…], the last axes padded; the result has x's compute type. */
export function paddedLoad(
  x: TileTensor,
  lead: readonly Expr[],
  at: readonly Expr[],
  padding: Padding,
  borders: readonly Border[],
): Expr {
  const extents = x.shape.slice(lead.length);
  const zero = constant(
    load(
      x,
      x.shape.map(() => index(0)),
    ).dtype,
    0,
  );
  if (padding === 'zeros') {
    const inside = allOf(at.map((e, k) => within(e, extents[k])));
    return guardedLoad(x, [...lead, ...at], inside, zero);
  }
  const moved = at.map((e, k) => {
    if (padding === 'border') return clampIndex(e, extents[k]);
    return clampIndex(cast('i32', reflect(cast('f32', e), borders[k])), extents[k]);
  });
  return load(x, [...lead, ...moved]);
}
