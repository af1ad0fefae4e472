// Quantisers and integer products: ties, saturation, blocks, per-row and per-column parameters, packed
// weights.
import { describe, expect, it } from 'vitest';
import type { Scalar } from '../../src/ir/tensor.ts';
import { attr, f32, type NodeCase, type Operand, runNode, scalar } from './a-support.ts';

const microsoft = 'com.microsoft';
const half = scalar('f32', 0.5);
const bytes = (dtype: 'i8' | 'u8', shape: readonly number[], ...values: number[]): Operand => [dtype, shape, values];
const axis0 = { axis: attr.int(0) };

const CASES: readonly (readonly [string, NodeCase, readonly Scalar[]])[] = [
  [
    'QuantizeLinear takes halves to even',
    {
      op: 'QuantizeLinear',
      inputs: [f32(0.25, 0.75, -0.25, 1000), half, scalar('u8', 1)],
    },
    [1, 3, 1, 255],
  ],
  [
    'QuantizeLinear per axis',
    {
      op: 'QuantizeLinear',
      inputs: [['f32', [2, 1], [4, 4]], f32(1, 2), bytes('i8', [2], 0, 1)],
      attrs: axis0,
    },
    [4, 3],
  ],
  [
    'QuantizeLinear in blocks, the last one short',
    {
      op: 'QuantizeLinear',
      inputs: [f32(4, 4, 4), f32(1, 2)],
      attrs: { ...axis0, block_size: attr.int(2) },
    },
    [4, 4, 2],
  ],
  [
    'QuantizeLinear to int4',
    {
      op: 'QuantizeLinear',
      inputs: [f32(100, -100, 3), scalar('f32', 1)],
      attrs: { output_dtype: attr.int(22) },
    },
    [7, -8, 3],
  ],
  [
    'DequantizeLinear per axis',
    {
      op: 'DequantizeLinear',
      inputs: [bytes('u8', [1, 2], 10, 10), f32(0.5, 2), bytes('u8', [2], 0, 12)],
    },
    [5, -4],
  ],
  ['DequantizeLinear of int32', { op: 'DequantizeLinear', inputs: [['i32', [1], [-7]], half] }, [-3.5]],
  [
    'MatMulInteger with zero points per row and column',
    {
      op: 'MatMulInteger',
      inputs: [
        bytes('u8', [2, 2], 1, 2, 3, 4),
        bytes('i8', [2, 2], 1, 1, 1, 1),
        bytes('u8', [2], 1, 3),
        bytes('i8', [2], 0, 1),
      ],
    },
    [1, 0, 1, 0],
  ],
  [
    'QLinearMatMul',
    {
      op: 'QLinearMatMul',
      inputs: [
        bytes('u8', [1, 2], 3, 5),
        half,
        scalar('u8', 1),
        bytes('u8', [2, 1], 4, 4),
        half,
        scalar('u8', 0),
        half,
        scalar('u8', 10),
      ],
    },
    [22],
  ],
  [
    'QLinearAdd',
    {
      op: 'QLinearAdd',
      domain: microsoft,
      inputs: [
        bytes('u8', [2], 4, 250),
        half,
        scalar('u8', 0),
        bytes('u8', [1], 6),
        half,
        scalar('u8', 0),
        scalar('f32', 0.25),
        scalar('u8', 1),
      ],
    },
    [21, 255],
  ],
  [
    'QLinearLeakyRelu',
    {
      op: 'QLinearLeakyRelu',
      domain: microsoft,
      attrs: { alpha: attr.float(0.5) },
      inputs: [bytes('i8', [2], -8, 8), half, scalar('i8', 0), half, scalar('i8', 0)],
    },
    [-4, 8],
  ],
  [
    'FusedMatMul',
    {
      op: 'FusedMatMul',
      domain: microsoft,
      attrs: { transA: attr.int(1), alpha: attr.float(2) },
      inputs: [
        ['f32', [2, 1], [1, 2]],
        ['f32', [2, 1], [3, 4]],
      ],
    },
    [22],
  ],
];

describe('quantised operators', () => {
  it.each(CASES.map((c) => [c[0], c] as const))('%s', async (_, [, node, values]) => {
    const [y] = await runNode(node);
    expect(y.values).toEqual(values);
  });

  it('DynamicQuantizeLinear widens the range to hold 0', async () => {
    const [y, scale, zero] = await runNode({ op: 'DynamicQuantizeLinear', inputs: [f32(1, 2, 5.1)], outputs: 3 });
    expect(y.values).toEqual([50, 100, 255]);
    expect(Number(scale.values[0])).toBeCloseTo(0.02, 6);
    expect(zero.values).toEqual([0]);
  });

  it('DynamicQuantizeLinear of zeros has scale 1', async () => {
    const [, scale] = await runNode({ op: 'DynamicQuantizeLinear', inputs: [f32(0, 0)], outputs: 3 });
    expect(scale.values).toEqual([1]);
  });

  it.each([4, 8, 2])('MatMulNBits unpacks %i bits', async (bits) => {
    const [k, block] = [20, 16];
    const codes = Array.from({ length: 32 }, (_, i) => (i < k ? (i * 7) % (1 << bits) : 0));
    const packed = Array.from({ length: (32 * bits) / 8 }, (_, byte) =>
      Array.from({ length: 8 / bits }, (_, j) => codes[(byte * 8) / bits + j] << (bits * j)).reduce((a, b) => a | b),
    );
    const a = Array.from({ length: k }, (_, i) => i - 9);
    const scales = [0.5, 2];
    const expected = a.reduce((s, x, i) => s + x * (codes[i] - 2 ** (bits - 1)) * scales[i < block ? 0 : 1], 0);
    const [y] = await runNode({
      op: 'MatMulNBits',
      domain: microsoft,
      inputs: [['f32', [1, k], a], bytes('u8', [1, 2, (block * bits) / 8], ...packed), f32(...scales)],
      attrs: { K: attr.int(k), N: attr.int(1), bits: attr.int(bits), block_size: attr.int(block) },
    });
    expect(y.values).toEqual([expected]);
  });

  it.each([
    [
      'scales that fit no axis',
      { op: 'QuantizeLinear', inputs: [f32(1, 2, 3), f32(1, 2)], attrs: axis0 },
      /2 scales for an axis of 3/,
    ],
    [
      'a zero point of another type',
      { op: 'MatMulInteger', inputs: [bytes('u8', [1, 1], 1), bytes('u8', [1, 1], 1), scalar('i8', 0)] },
      /zero point|i8/,
    ],
    [
      'a result type that the zero point contradicts',
      {
        op: 'QuantizeLinear',
        inputs: [f32(1), half, scalar('u8', 0)],
        attrs: { output_dtype: attr.int(3) },
      },
      /output_dtype/,
    ],
  ] as const)('refuses %s', async (_, node, message) => {
    await expect(runNode(node)).rejects.toThrow(message);
  });
});
