// Quantised networks as Quantize and DequantizeLinear around float operators: which sums are of integers, which read bytes,
// and that results are those of the floats as written. Scales are powers of two, so that every way gives the same bits.
import { describe, expect, it } from 'vitest';
import { type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { noCompiler } from '../c/harness.ts';
import { run } from './running.ts';

const scalar = (value: number): Tensor => new Tensor('float32', [value], []);
const whole = (type: string, dims: readonly number[], seed: number, most = 100): Tensor => {
  const next = mulberry32(seed);
  const low = type[0] === 'u' ? 0 : -most;
  const count = dims.reduce((a, b) => a * b, 1);
  return new Tensor(
    type,
    Array.from({ length: count }, () => Math.floor(low + next() * (most - low))),
    dims,
  );
};

/** x through bytes: what an exporter puts between two operators. */
function coded(m: ModelBuilder, x: Value, type: string, zero: number, scale = 1 / 16): Value {
  const parameters = [scalar(scale), new Tensor(type, [zero], [])];
  return m.node('DequantizeLinear', [m.node('QuantizeLinear', [x, ...parameters]), ...parameters]);
}

/** Weights, one scale per entry of an axis, or one for all. */
function weights(m: ModelBuilder, type: string, dims: readonly number[], axis?: number, zero = 0): Value {
  const count = axis === undefined ? 1 : dims[axis];
  const scales = Array.from({ length: count }, (_, i) => 2 ** -(3 + (i % 3)));
  const zeros = new Tensor(type, new Array<number>(count).fill(zero), axis === undefined ? [] : [count]);
  const parameters = [new Tensor('float32', scales, axis === undefined ? [] : [count]), zeros];
  return m.node('DequantizeLinear', [whole(type, dims, 5), ...parameters], axis === undefined ? {} : { axis });
}

interface Case {
  readonly dims: readonly number[];
  readonly build: (m: ModelBuilder, x: Value) => Value;
}

const pads = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const CASES: Readonly<Record<string, Case>> = {
  'a padded convolution with a zero point and scales per channel': {
    dims: [1, 8, 9, 9],
    build: (m, x) => m.node('Conv', [coded(m, x, 'uint8', 119), weights(m, 'int8', [16, 8, 3, 3], 0)], pads),
  },
  'a matrix product with a transposed constant': {
    dims: [6, 20],
    build: (m, x) => {
      const w = m.node('Transpose', [weights(m, 'int8', [24, 20], 0)], { perm: [1, 0] });
      return m.node('MatMul', [coded(m, x, 'int8', 3), w]);
    },
  },
  'a product of two results': {
    dims: [2, 16, 16],
    build: (m, x) => {
      const turned = m.node('Transpose', [coded(m, x, 'uint8', 100)], { perm: [0, 2, 1] });
      return m.node('MatMul', [coded(m, x, 'uint8', 128), turned]);
    },
  },
};
const DEPTHWISE: Case = {
  dims: [1, 16, 9, 9],
  build: (m, x) => {
    const filtered = m.node('Conv', [coded(m, x, 'uint8', 7), weights(m, 'int8', [16, 1, 3, 3], 0)], {
      ...pads,
      group: 16,
    });
    return coded(m, m.node('Relu', [filtered]), 'uint8', 0);
  },
};
/** Whose scales the sum runs over. */
const ALONG: Case = {
  dims: [6, 20],
  build: (m, x) => m.node('MatMul', [coded(m, x, 'uint8', 3), weights(m, 'int8', [20, 24], 0)]),
};

/** Whose widened weights are a result as well. */
const SHOWN: Case = {
  dims: [6, 20],
  build: (m, x) => {
    const w = weights(m, 'int8', [20, 24]);
    m.output(w);
    return m.node('MatMul', [coded(m, x, 'uint8', 3), w]);
  },
};

const feedOf = (dims: readonly number[]): TensorData => {
  const next = mulberry32(11);
  return tensorOf(
    'f32',
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b) }, () => 12 * next() - 6),
  );
};

/** Results and the text of the kernels. */
async function ran(target: string, { dims, build }: Case): Promise<{ values: number[]; text: string }> {
  const m = new ModelBuilder();
  m.output(build(m, m.input('x', 'float32', [...dims])));
  const { values, kernels } = await run(target, m, [feedOf(dims)]);
  return { values, text: kernels.join('\n') };
}

describe.each(['wasm', ...(noCompiler() ? [] : ['c'])])('quantised sums on %s', (target) => {
  describe('are of integers', () => {
    it.each(Object.keys(CASES))('%s', async (name) => {
      const { values, text } = await ran(target, CASES[name]);
      expect(text).toContain('dot.');
      expect(values).toEqual((await ran('interpreter', CASES[name])).values);
    });
  });

  it('stay floats where a scale belongs to what is summed, and for single channels', async () => {
    expect((await ran(target, SHOWN)).values).toEqual((await ran('interpreter', SHOWN)).values);
    for (const one of [ALONG, DEPTHWISE]) {
      const { values, text } = await ran(target, one);
      expect(text).not.toContain('dot.');
      expect(values).toEqual((await ran('interpreter', one)).values);
    }
  });
});
