// Layers that several networks are made of, as exporters write them: separate operators, weights as
// constants. Weights are uniform with the variance that keeps activations in range from layer to layer.

import { mulberry32 } from '../../src/support/random.ts';
import { type ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';

/** A network to measure: a finished builder, and what to feed by input name. */
export interface Network {
  readonly model: ModelBuilder;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Extents or positions as a constant. */
export const ints = (...values: number[]): Tensor => new Tensor('int64', values.map(BigInt));
export const scalar = (value: number): Tensor => new Tensor('float32', [value], []);
const full = (length: number, value: number): Tensor => new Tensor('float32', new Float32Array(length).fill(value));

/** Data to feed, uniform in [-1, 1). */
export function randomFeed(dims: readonly number[], seed = 1): Tensor {
  const next = mulberry32(seed);
  const data = new Float32Array(dims.reduce((n, d) => n * d, 1));
  for (let i = 0; i < data.length; i++) data[i] = 2 * next() - 1;
  return new Tensor('float32', data, dims);
}

/** Bound of weights that keep the variance; `gain` 2 makes up for a rectifier behind them. */
export const bound = (fanIn: number, gain = 1): number => Math.sqrt((3 * gain) / fanIn);

/** x · W, with a bias unless told otherwise. */
export function linear(m: ModelBuilder, x: Value, from: number, to: number, bias = true): Value {
  const product = m.node('MatMul', [x, m.random([from, to], bound(from))]);
  return bias ? m.node('Add', [m.random([to], 0.1), product]) : product;
}

export interface ConvOptions {
  readonly stride?: number;
  readonly group?: number;
  readonly gain?: number;
}

/** A square convolution that keeps the extent, up to its stride, with a bias. */
export function conv(m: ModelBuilder, x: Value, from: number, to: number, size: number, o: ConvOptions = {}): Value {
  const { stride = 1, group = 1, gain = 1 } = o;
  const weights = m.random([to, from / group, size, size], bound((from / group) * size * size, gain));
  const pad = Math.floor(size / 2);
  const attributes = { kernel_shape: [size, size], strides: [stride, stride], pads: [pad, pad, pad, pad], group };
  return m.node('Conv', [x, weights, m.random([to], 0.1)], attributes);
}

/** Squares that do not overlap become positions. */
export function patches(m: ModelBuilder, x: Value, from: number, to: number, size: number): Value {
  const weights = m.random([to, from, size, size], bound(from * size * size));
  return m.node('Conv', [x, weights, m.random([to], 0.1)], { kernel_shape: [size, size], strides: [size, size] });
}

export function layerNorm(m: ModelBuilder, x: Value, width: number, epsilon = 1e-5): Value {
  return m.node('LayerNormalization', [x, full(width, 1), full(width, 0)], { axis: -1, epsilon });
}

/** x · Φ(x) through the error function. */
export function gelu(m: ModelBuilder, x: Value): Value {
  const erf = m.node('Erf', [m.node('Div', [x, scalar(Math.SQRT2)])]);
  const product = m.node('Mul', [x, m.node('Add', [erf, scalar(1)])]);
  return m.node('Mul', [product, scalar(0.5)]);
}

export interface AttentionOptions {
  readonly heads: number;
  readonly width: number;
  /** Added to the scores. */
  readonly mask?: Value;
}

/** Self-attention over [batch, sequence, heads · width]. */
export function attention(m: ModelBuilder, x: Value, { heads, width, mask }: AttentionOptions): Value {
  const size = heads * width;
  const split = (perm: readonly number[]): Value => {
    const parts = m.node('Reshape', [linear(m, x, size, size), ints(0, -1, heads, width)]);
    return m.node('Transpose', [parts], { perm });
  };
  const [query, key, value] = [split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])];
  const scores = m.node('Div', [m.node('MatMul', [query, key]), scalar(Math.sqrt(width))]);
  const weights = m.node('Softmax', [mask ? m.node('Add', [scores, mask]) : scores], { axis: -1 });
  const joined = m.node('Transpose', [m.node('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
  return linear(m, m.node('Reshape', [joined, ints(0, -1, size)]), size, size);
}

export function feedForward(m: ModelBuilder, x: Value, width: number, inner: number): Value {
  return linear(m, gelu(m, linear(m, x, width, inner)), inner, width);
}
