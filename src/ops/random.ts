// Random numbers for the generators: a counter-based hash, so that element i of a result depends on
// the seed and i only, on every target and for any schedule. Nodes without a seed get one from their
// name and place in the program, so every run draws the same numbers.

import {
  add,
  bitcast,
  cast,
  computeType,
  constant,
  type Expr,
  log,
  mul,
  neg,
  shr,
  sqrt,
  sub,
  unary,
  xor,
} from '../3-tile/expr.ts';
import type { DType } from '../ir/dtype.ts';
import { elementCount } from '../ir/tensor.ts';
import { fnv1a } from '../support/hash.ts';
import { typeAttribute } from './creation.ts';
import { FLOATS } from './elementwise.ts';
import { type InferContext, type LowerContext, type OpDef, op, type TileTensor } from './op.ts';
import { like } from './scalar-math.ts';

const u32 = (v: number): Expr => constant('u32', v >>> 0);

/** Mixes all bits of x: two rounds of multiply and shift, each a bijection. */
function mix(x: Expr): Expr {
  const a = mul(xor(x, shr(x, u32(16))), u32(0x7feb352d));
  const b = mul(xor(a, shr(a, u32(15))), u32(0x846ca68b));
  return xor(b, shr(b, u32(16)));
}

export function seedOf(c: LowerContext): number {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setFloat32(0, c.float('seed', 0));
  if (c.hasAttr('seed')) return bytes.getUint32(0);
  const units = Array.from({ length: c.name.length }, (_, i) => c.name.charCodeAt(i));
  return fnv1a(units, 0x811c9dc5 ^ c.b.steps.length) >>> 0;
}

/** Stream `stream` of a seed at counter i (i32): uniform in (0, 1), f32, 24 bits. */
export function uniform(seed: number, stream: number, i: Expr): Expr {
  const key = add(mul(u32(seed), u32(0x9e3779b1)), u32(Math.imul(stream, 0x85ebca6b)));
  const bits = mix(add(mix(bitcast('u32', i)), mix(key)));
  const mantissa = cast('f32', bitcast('i32', shr(bits, u32(8))));
  return mul(add(mantissa, constant('f32', 0.5)), constant('f32', 2 ** -24));
}

/** Standard normal by Box and Muller's transform, f32. */
export function normal(seed: number, i: Expr): Expr {
  const radius = sqrt(mul(constant('f32', -2), log(uniform(seed, 0, i))));
  return mul(radius, unary('cos', mul(constant('f32', 2 * Math.PI), uniform(seed, 1, i))));
}

/** -log(-log u): adding it to log-probabilities makes their arg max a sample. */
export const gumbel = (seed: number, i: Expr): Expr => neg(log(neg(log(uniform(seed, 0, i)))));

/** out[ix] = f(row-major position, indices), in any type. */
export function mapFlat(c: LowerContext, dtype: DType, shape: readonly number[], f: (i: Expr) => Expr): TileTensor {
  return c.b.view(
    c.b.map(dtype, [elementCount(shape)], ([i]) => f(i)),
    shape,
  );
}

/** A generator of floats: the distribution of one element, in f32. */
export function randomOp(
  name: string,
  fromInput: boolean,
  element: (c: LowerContext, seed: number, i: Expr) => Expr,
): OpDef {
  const shape = (c: InferContext): readonly number[] => {
    const given = c.ints('shape') ?? c.fail('attribute shape is missing', undefined, 'INVALID_MODEL');
    return given.every((d) => d >= 0) ? given : c.fail(`[${given}] is not a shape`);
  };
  return op({
    name,
    inputs: fromInput ? [1, 1] : [0, 0],
    pure: false,
    infer: (c) => {
      const dtype = typeAttribute(c, 'dtype', fromInput ? c.dtype(0) : 'f32', FLOATS);
      return [c.tensor(dtype, fromInput ? c.dims(0) : shape(c))];
    },
    lower: (c) => {
      const seed = seedOf(c);
      const t = computeType(c.outDtype());
      return [mapFlat(c, c.outDtype(), c.outShape(), (i) => cast(t, element(c, seed, i)))];
    },
  });
}

export const uniformElement = (c: LowerContext, seed: number, i: Expr): Expr => {
  const u = uniform(seed, 0, i);
  const [low, high] = [like(u, c.float('low', 0)), like(u, c.float('high', 1))];
  return add(low, mul(sub(high, low), u));
};

export const normalElement = (c: LowerContext, seed: number, i: Expr): Expr => {
  const z = normal(seed, i);
  return add(like(z, c.float('mean', 0)), mul(like(z, c.float('scale', 1)), z));
};
