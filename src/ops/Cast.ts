// ONNX Cast since 6: elements converted to another type. Conversions into the narrow floats honour
// `saturate`; those into f8e8m0, which is an exponent only, also `round_mode`.

import {
  abs,
  add,
  and,
  bitcast,
  cast,
  computeType,
  type Expr,
  eq,
  index,
  isinf,
  isnan,
  load,
  lt,
  min,
  ne,
  not,
  or,
  select,
  shr,
} from '../3-tile/expr.ts';
import { type DType, dtypeFromOnnx, isStorageFloat } from '../ir/dtype.ts';
import { maxFinite } from '../ir/float.ts';
import { ANY } from './elementwise.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import { clamp, like } from './scalar-math.ts';

const SATURATING: readonly DType[] = ['f8e4m3fn', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'f4e2m1'];

function target(c: InferContext): DType {
  const number = c.int('to', 0);
  const dtype = dtypeFromOnnx(number);
  if (!dtype) return c.fail(`attribute to is ${number}, not an element type`, undefined, 'INVALID_MODEL');
  if (!ANY.includes(dtype)) {
    c.fail(`casting to ${dtype} is not supported`, 'Only numbers and booleans are converted.', 'UNSUPPORTED_TYPE');
  }
  return dtype;
}

/**
 * An f64 as f32 such that rounding again to a narrower type is as if it were done once: an inexact
 * result gets an odd last bit.
 */
function narrowOnce(x: Expr): Expr {
  const near = cast('f32', x);
  const back = cast('f64', near);
  const bits = bitcast('i32', near);
  const even = eq(and(bits, index(1)), index(0));
  const moves = and(and(ne(back, x), even), not(or(isnan(near), isinf(near))));
  const odd = add(bits, select(lt(abs(back), abs(x)), index(1), index(-1)));
  return select(moves, bitcast('f32', odd), near);
}

/** A stored element of type `to`, from an expression of any compute type. */
export function castElement(to: DType, saturate: boolean, x: Expr): Expr {
  if (to === 'bool') return x.dtype === 'bool' ? x : ne(x, like(x, 0));
  const y = x.dtype === 'f64' && isStorageFloat(to) ? narrowOnce(x) : cast(computeType(to), x);
  if (!saturate || !SATURATING.includes(to)) return y;
  const limit = maxFinite(to);
  return clamp(y, like(y, -limit), like(y, limit));
}

/** What is added to the biased exponent of an f32 with these bits, per rounding mode: 0 or 1. */
const ROUNDING = new Map<string, (bits: Expr) => Expr>([
  ['down', () => index(0)],
  ['up', (bits) => cast('i32', ne(and(bits, index(0x7fffff)), index(0)))],
  [
    'nearest',
    (bits) => {
      const half = ne(and(bits, index(0x400000)), index(0));
      const normal = ne(and(bits, index(0x7f800000)), index(0));
      const more = ne(and(bits, index(0x3fffff)), index(0));
      return cast('i32', and(half, or(more, normal)));
    },
  ],
]);

/** Codes of f8e8m0 are biased exponents: they are computed as integers and read as that type. */
function castToExponent(c: LowerContext, x: TileTensor): TileTensor {
  const mode = c.string('round_mode', 'up');
  const rounding = ROUNDING.get(mode) ?? c.fail(`round_mode is "${mode}", expected up, down or nearest`);
  const top = c.int('saturate', 1) !== 0 ? 254 : 255;
  const codes = c.b.map('u8', x.shape, (ix) => {
    const bits = bitcast('i32', cast('f32', load(x, ix)));
    const exponent = and(shr(bits, index(23)), index(255));
    const rounded = min(add(exponent, rounding(bits)), index(top));
    return select(eq(exponent, index(255)), index(255), rounded);
  });
  return c.b.bits(codes, 'f8e8m0');
}

export const Cast = op({
  name: 'Cast',
  since: 6,
  types: { 0: ANY },
  infer: (c) => [c.tensor(target(c), c.dims(0))],
  lower: (c) => {
    const x = c.tensor(0);
    const to = c.outDtype();
    if (to === x.dtype) return [x];
    if (to === 'f8e8m0') return [castToExponent(c, x)];
    const saturate = c.int('saturate', 1) !== 0;
    return [c.b.map(to, x.shape, (ix) => castElement(to, saturate, load(x, ix)))];
  },
});
