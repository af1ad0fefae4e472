// Operators that move elements: negative steps and pads, wrapping modes, data-dependent results,
// scatters with repeated indices.
import { describe, expect, it } from 'vitest';
import type { Scalar } from '../../src/ir/tensor.ts';
import { attr, f32, i64, type NodeCase, type Operand, runNode, scalar } from './a-support.ts';

const matrix = (rows: number, cols: number): Operand => [
  'f32',
  [rows, cols],
  Array.from({ length: rows * cols }, (_, i) => i),
];
const bools = (...values: number[]): Operand => ['bool', [values.length], values];

const CASES: readonly (readonly [string, NodeCase, readonly number[], readonly Scalar[]])[] = [
  [
    'Slice backwards to the start',
    {
      op: 'Slice',
      inputs: [f32(0, 1, 2, 3, 4), i64(-1), i64(-100), i64(0), i64(-2)],
      known: [1, 2, 3, 4],
    },
    [3],
    [4, 2, 0],
  ],
  ['Slice with bounds known only at run time', { op: 'Slice', inputs: [f32(0, 1, 2, 3), i64(1), i64(3)] }, [2], [1, 2]],
  [
    'Pad that crops one end',
    { op: 'Pad', inputs: [f32(1, 2, 3), i64(-1, 2), scalar('f32', 9)], known: [1] },
    [4],
    [2, 3, 9, 9],
  ],
  [
    'Pad reflecting more than the extent',
    {
      op: 'Pad',
      inputs: [f32(1, 2, 3), i64(5, 4)],
      attrs: { mode: attr.string('reflect') },
    },
    [12],
    [2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3],
  ],
  [
    'Pad wrapping what is left after a crop',
    {
      op: 'Pad',
      inputs: [f32(1, 2, 3, 4), i64(-1, 4)],
      attrs: { mode: attr.string('wrap') },
    },
    [7],
    [2, 3, 4, 2, 3, 4, 2],
  ],
  ['Pad of one axis', { op: 'Pad', inputs: [matrix(1, 2), i64(0, 1), null, i64(-2)] }, [2, 2], [0, 1, 0, 0]],
  [
    'Transpose that moves nothing',
    {
      op: 'Transpose',
      inputs: [['f32', [2, 1, 2], [1, 2, 3, 4]]],
      attrs: { perm: attr.ints([1, 0, 2]) },
    },
    [1, 2, 2],
    [1, 2, 3, 4],
  ],
  ['Expand keeps longer axes', { op: 'Expand', inputs: [matrix(2, 1), i64(1, 2)] }, [2, 2], [0, 0, 1, 1]],
  ['Tile', { op: 'Tile', inputs: [matrix(1, 2), i64(2, 2)] }, [2, 4], [0, 1, 0, 1, 0, 1, 0, 1]],
  ['NonZero', { op: 'NonZero', inputs: [['i32', [2, 2], [1, 0, 0, 5]]] }, [2, 2], [0n, 1n, 0n, 1n]],
  ['NonZero of nothing', { op: 'NonZero', inputs: [f32(0, 0)] }, [1, 0], []],
  [
    'Compress of an axis, condition too short',
    {
      op: 'Compress',
      inputs: [matrix(3, 2), bools(0, 1)],
      attrs: { axis: attr.int(0) },
    },
    [1, 2],
    [2, 3],
  ],
  ['Compress of all elements', { op: 'Compress', inputs: [matrix(2, 2), bools(1, 0, 0, 1)] }, [2], [0, 3]],
  [
    'ScatterElements adds repeated indices',
    {
      op: 'ScatterElements',
      inputs: [f32(1, 1, 1), i64(1, 1, -1), f32(2, 3, 4)],
      attrs: { reduction: attr.string('add') },
    },
    [3],
    [1, 6, 5],
  ],
  [
    'ScatterND of rows',
    {
      op: 'ScatterND',
      inputs: [matrix(3, 2), ['i64', [1, 1], [-1n]], ['f32', [1, 2], [8, 9]]],
    },
    [3, 2],
    [0, 1, 2, 3, 8, 9],
  ],
  [
    'GatherND after a batch axis',
    {
      op: 'GatherND',
      inputs: [matrix(2, 2), ['i64', [2, 1], [1n, -2n]]],
      attrs: { batch_dims: attr.int(1) },
    },
    [2],
    [1, 2],
  ],
  [
    'ReverseSequence',
    {
      op: 'ReverseSequence',
      inputs: [matrix(2, 3), i64(3, 2)],
      attrs: { batch_axis: attr.int(0), time_axis: attr.int(1) },
    },
    [2, 3],
    [2, 1, 0, 4, 3, 5],
  ],
  [
    'TensorScatter around the end',
    {
      op: 'TensorScatter',
      inputs: [matrix(1, 3), ['f32', [1, 2], [7, 8]], i64(5)],
      attrs: { axis: attr.int(1), mode: attr.string('circular') },
    },
    [1, 3],
    [8, 1, 7],
  ],
  [
    'Split into uneven parts',
    {
      op: 'Split',
      inputs: [f32(1, 2, 3)],
      attrs: { num_outputs: attr.int(2) },
      outputs: 2,
    },
    [2],
    [1, 2],
  ],
  [
    'OneHot drops indices outside',
    {
      op: 'OneHot',
      inputs: [i64(-1, 2, 7), scalar('i64', 3n), f32(0, 5)],
    },
    [3, 3],
    [0, 0, 5, 0, 0, 5, 0, 0, 0],
  ],
  [
    'Range of a run-time limit',
    {
      op: 'Range',
      inputs: [scalar('i64', 5n), scalar('i64', 0n), scalar('i64', -2n)],
    },
    [3],
    [5n, 3n, 1n],
  ],
  ['Trilu of a run-time diagonal', { op: 'Trilu', inputs: [matrix(2, 2), scalar('i64', 1n)] }, [2, 2], [0, 1, 0, 0]],
];

describe('moving elements', () => {
  it.each(CASES.map((c) => [c[0], c] as const))('%s', async (_, [, node, shape, values]) => {
    const [y] = await runNode(node);
    expect(y.shape).toEqual(shape);
    expect(y.values).toEqual(values);
  });
});

describe('refusals', () => {
  it.each([
    ['a step of 0', { op: 'Slice', inputs: [f32(1), i64(0), i64(1), i64(0), i64(0)] }, /step is 0/],
    ['pads that remove too much', { op: 'Pad', inputs: [f32(1), i64(-1, -1)] }, /remove more/],
    [
      'extents that differ',
      { op: 'Concat', inputs: [matrix(1, 2), matrix(1, 3)], attrs: { axis: attr.int(0) } },
      /differ/,
    ],
    ['an axis twice', { op: 'Unsqueeze', inputs: [f32(1), i64(0, 0)] }, /repeat/],
    [
      'a permutation with gaps',
      { op: 'Transpose', inputs: [matrix(1, 1)], attrs: { perm: attr.ints([0, 2]) } },
      /permutation/,
    ],
    [
      'a range without end',
      { op: 'Range', inputs: [scalar('f32', 0), scalar('f32', 1), scalar('f32', 0)] },
      /no count/,
    ],
    ['parts that do not add up', { op: 'Split', inputs: [f32(1, 2), i64(1, 2)], outputs: 2 }, /add up/],
    ['an index tuple too long', { op: 'GatherND', inputs: [f32(1), i64(0, 0)] }, /address/],
  ] as const)('%s', async (_, node, message) => {
    await expect(runNode(node)).rejects.toThrow(message);
  });
});
