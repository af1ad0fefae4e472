// A decoder block in the style of Llama, as PyTorch exports it: RMS normalisation, rotary positions,
// grouped-query attention and a gated feed-forward, on hidden states. Once over a whole prompt, once for one
// token behind a cache.
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { ints, linear, type Network, randomFeed, scalar } from './layers.ts';

const DEFAULTS = { heads: 32, groups: 4, width: 64, inner: 5632, sequence: 512 };
type Sizes = typeof DEFAULTS;

function rmsNorm(m: ModelBuilder, x: Value, size: number): Value {
  const mean = m.node('ReduceMean', [m.node('Pow', [x, scalar(2)]), ints(-1)]);
  const root = m.node('Sqrt', [m.node('Add', [mean, scalar(1e-5)])]);
  const normal = m.node('Mul', [x, m.node('Div', [scalar(1), root])]);
  return m.node('Mul', [new Tensor('float32', new Float32Array(size).fill(1)), normal]);
}

/** Cosines and sines of every position times every frequency: [1, 1, sequence, width]. */
function rotation(m: ModelBuilder, positions: Value, width: number): readonly [cos: Value, sin: Value] {
  const frequencies = Float32Array.from({ length: width / 2 }, (_, i) => 10_000 ** ((-2 * i) / width));
  const column = m.node('Unsqueeze', [m.node('Cast', [positions], { to: 1 }), ints(1, 3)]);
  const angles = m.node('MatMul', [column, new Tensor('float32', frequencies, [1, 1, 1, width / 2])]);
  const both = m.node('Concat', [angles, angles], { axis: -1 });
  return [m.node('Cos', [both]), m.node('Sin', [both])];
}

/** x · cos + (−second half, first half) · sin. */
function rotated(m: ModelBuilder, x: Value, [cos, sin]: readonly [Value, Value], width: number): Value {
  const half = width / 2;
  const first = m.node('Slice', [x, ints(0), ints(half), ints(3)]);
  const second = m.node('Slice', [x, ints(half), ints(width), ints(3)]);
  const turned = m.node('Concat', [m.node('Neg', [second]), first], { axis: -1 });
  return m.node('Add', [m.node('Mul', [x, cos]), m.node('Mul', [turned, sin])]);
}

/** Keys or values of a group for all of its heads. */
function repeated(m: ModelBuilder, x: Value, total: number, { heads, groups, width }: Sizes): Value {
  const each = heads / groups;
  const spread = m.node('Expand', [m.node('Unsqueeze', [x, ints(2)]), ints(1, groups, each, total, width)]);
  return m.node('Reshape', [spread, ints(1, heads, total, width)]);
}

interface Decoder {
  readonly m: ModelBuilder;
  readonly sizes: Sizes;
  /** Tokens in this run, and in the cache. */
  readonly now: number;
  readonly past: number;
}

function decoderAttention({ m, sizes, now, past }: Decoder, x: Value, positions: Value): Value {
  const { heads, groups, width } = sizes;
  const split = (n: number): Value => {
    const parts = m.node('Reshape', [linear(m, x, heads * width, n * width, false), ints(1, now, n, width)]);
    return m.node('Transpose', [parts], { perm: [0, 2, 1, 3] });
  };
  const turn = rotation(m, positions, width);
  const query = rotated(m, split(heads), turn, width);
  const cached = (name: string, fresh: Value): Value => {
    if (past === 0) return fresh;
    return m.node('Concat', [m.input(name, 'float32', [1, groups, past, width]), fresh], { axis: 2 });
  };
  const key = cached('past_key', rotated(m, split(groups), turn, width));
  const value = cached('past_value', split(groups));
  for (const state of [key, value]) m.output(state);
  const keys = m.node('Transpose', [repeated(m, key, past + now, sizes)], { perm: [0, 1, 3, 2] });
  const scores = m.node('Div', [m.node('MatMul', [query, keys]), scalar(Math.sqrt(width))]);
  const weights = m.node('Softmax', [now === 1 ? scores : m.node('Add', [scores, causalMask(now)])], { axis: -1 });
  const mixed = m.node('MatMul', [weights, repeated(m, value, past + now, sizes)]);
  const joined = m.node('Reshape', [m.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(1, now, heads * width)]);
  return linear(m, joined, heads * width, heads * width, false);
}

/** −1e9 above the diagonal. */
function causalMask(n: number): Tensor {
  const mask = Float32Array.from({ length: n * n }, (_, i) => (i % n > Math.floor(i / n) ? -1e9 : 0));
  return new Tensor('float32', mask, [1, 1, n, n]);
}

function gated(m: ModelBuilder, x: Value, size: number, inner: number): Value {
  const gate = linear(m, x, size, inner, false);
  const open = m.node('Mul', [gate, m.node('Sigmoid', [gate])]);
  return linear(m, m.node('Mul', [open, linear(m, x, size, inner, false)]), inner, size, false);
}

function decoder(sizes: Sizes, now: number, past: number): Network {
  const m = new ModelBuilder({ opset: 18 });
  const { heads, groups, width, inner } = sizes;
  const size = heads * width;
  const hidden = m.input('hidden', 'float32', [1, now, size]);
  const positions = m.input('positions', 'int64', [1, now]);
  const mixed = decoderAttention({ m, sizes, now, past }, rmsNorm(m, hidden, size), positions);
  const x = m.node('Add', [hidden, mixed]);
  m.output(m.node('Add', [x, gated(m, rmsNorm(m, x, size), size, inner)], {}, { name: 'y' }));
  const at = BigInt64Array.from({ length: now }, (_, i) => BigInt(past + i));
  const states = [1, groups, past, width];
  const cache = past > 0 ? { past_key: randomFeed(states, 2), past_value: randomFeed(states, 3) } : {};
  const feeds = { hidden: randomFeed([1, now, size]), positions: new Tensor('int64', at, [1, now]), ...cache };
  return { model: m, feeds };
}

/** A prompt of `sequence` tokens. */
export function llamaPrefill(options: Partial<Sizes> = {}): Network {
  const sizes = { ...DEFAULTS, ...options };
  return decoder(sizes, sizes.sequence, 0);
}

/** One token behind `sequence` cached ones. */
export function llamaDecode(options: Partial<Sizes> = {}): Network {
  const sizes = { ...DEFAULTS, ...options };
  return decoder(sizes, 1, sizes.sequence);
}
