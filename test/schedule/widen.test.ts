// Models in 16-bit floats: which tensors become wide, and that results are those of the interpreter, bit for bit. Data are
// small whole numbers, so that sums are exact in any order and only the rounding to 16 bits remains.
import { describe, expect, it } from 'vitest';
import { encodeFloat } from '../../src/ir/float.ts';
import { type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { noCompiler } from '../c/harness.ts';
import { run } from './running.ts';

type Half = 'float16' | 'bfloat16';
const DTYPE = { float16: 'f16', bfloat16: 'bf16' } as const;

function whole(dims: readonly number[], seed: number): number[] {
  const next = mulberry32(seed);
  return Array.from({ length: dims.reduce((a, b) => a * b) }, () => Math.floor(7 * next()) - 3);
}
const constant = (type: Half, dims: readonly number[], seed: number): Tensor => {
  const bits = Uint16Array.from(whole(dims, seed), (x) => encodeFloat(DTYPE[type], x));
  return new Tensor(type, bits, dims);
};
const feed = (type: Half, dims: readonly number[]): TensorData => tensorOf(DTYPE[type], dims, whole(dims, 3));

const pads = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
function convolutions(m: ModelBuilder, x: Value): Value {
  const first = m.node('Relu', [
    m.node('Conv', [x, constant('float16', [16, 8, 3, 3], 1)], { ...pads, strides: [2, 2] }),
  ]);
  return m.node('Conv', [first, constant('float16', [20, 16, 1, 1], 2)]);
}
const product =
  (type: Half, n: number) =>
  (m: ModelBuilder, x: Value): Value => {
    const inner = m.node('MatMul', [x, constant(type, [24, 40], 1)]);
    return m.node('MatMul', [m.node('Mul', [inner, inner]), constant(type, [40, n], 2)]);
  };

/** Parameters of kernels that are 16-bit floats. */
const narrow = (kernels: readonly string[], role: string): number =>
  kernels.join('\n').match(new RegExp(`= ${role} b?f16\\[`, 'g'))?.length ?? 0;

describe.each(['wasm', ...(noCompiler() ? [] : ['c'])])('16-bit floats on %s', (target) => {
  const both = async (type: Half, dims: readonly number[], build: (m: ModelBuilder, x: Value) => Value) => {
    const m = new ModelBuilder({ opset: 22 });
    m.output(build(m, m.input('x', type, [...dims])));
    const feeds = [feed(type, dims)];
    const got = await run(target, m, feeds);
    expect(got.values).toEqual((await run('interpreter', m, feeds)).values);
    expect(got.values.some((v) => v !== 0)).toBe(true);
    return got.kernels;
  };

  it('are wide between operators, and as they were at the ends', async () => {
    const kernels = await both('float16', [1, 8, 9, 9], convolutions);
    // 16 channels of 5 by 5.
    expect(kernels.join()).toContain('temp f32[400]');
    expect(kernels.join()).not.toContain('temp f16[400]');
    expect(narrow(kernels, 'constant')).toBe(0);
  });

  it.each(['float16', 'bfloat16'] as const)(
    'give the same products, %s, with wide constants and narrow ones',
    async (type) => {
      const many = await both(type, [32, 24], product(type, 36));
      expect(narrow(many, 'constant')).toBe(target === 'c' ? 2 : 0);
      expect(narrow(await both(type, [1, 24], product(type, 36)), 'constant')).toBe(2);
    },
  );
});
