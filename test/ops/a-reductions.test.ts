// Reductions at their edges: nothing to fold, no axes, ties, integers; products of sums by Einsum.
import { describe, expect, it } from 'vitest';
import type { Scalar } from '../../src/ir/tensor.ts';
import { parseEquation } from '../../src/ops/einsum-equation.ts';
import { attr, f32, i64, type NodeCase, type Operand, runNode, scalar } from './a-support.ts';

const matrix = (rows: number, cols: number): Operand => [
  'f32',
  [rows, cols],
  Array.from({ length: rows * cols }, (_, i) => i),
];
const empty: Operand = ['f32', [2, 0], []];
const dropped = { keepdims: attr.int(0) };

const CASES: readonly (readonly [string, NodeCase, readonly number[], readonly Scalar[]])[] = [
  ['ReduceSum of nothing', { op: 'ReduceSum', inputs: [empty, i64(1)], attrs: dropped }, [2], [-0, -0]],
  ['ReduceProd of nothing', { op: 'ReduceProd', inputs: [empty, i64(1)], attrs: dropped }, [2], [1, 1]],
  ['ReduceMax of nothing', { op: 'ReduceMax', inputs: [empty, i64(1)], attrs: dropped }, [2], [-Infinity, -Infinity]],
  [
    'ReduceLogSumExp of nothing',
    { op: 'ReduceLogSumExp', inputs: [empty, i64(1)], attrs: dropped },
    [2],
    [-Infinity, -Infinity],
  ],
  [
    'no axes and noop',
    {
      op: 'ReduceSumSquare',
      inputs: [f32(2, -3)],
      attrs: { noop_with_empty_axes: attr.int(1) },
    },
    [2],
    [4, 9],
  ],
  ['no axes', { op: 'ReduceSum', inputs: [matrix(2, 2)] }, [1, 1], [6]],
  [
    'ReduceMean of integers truncates',
    { op: 'ReduceMean', inputs: [['i32', [2], [-3, -4]]], attrs: dropped },
    [],
    [-3],
  ],
  ['ReduceL2 of integers truncates', { op: 'ReduceL2', inputs: [['i32', [2], [2, 2]]], attrs: dropped }, [], [2]],
  ['ReduceMax of bool', { op: 'ReduceMax', inputs: [['bool', [2], [0, 1]]], attrs: dropped }, [], [1]],
  [
    'ReduceLogSumExp of large numbers',
    {
      op: 'ReduceLogSumExp',
      inputs: [f32(10000, -10000)],
      attrs: dropped,
    },
    [],
    [10000],
  ],
  [
    'ReduceLogSumExp of an infinity',
    { op: 'ReduceLogSumExp', inputs: [f32(Infinity, 0)], attrs: dropped },
    [],
    [Infinity],
  ],
  ['ArgMax takes the first of equals', { op: 'ArgMax', inputs: [f32(1, 3, 3)], attrs: dropped }, [], [1n]],
  [
    'ArgMax takes the last when asked',
    {
      op: 'ArgMax',
      inputs: [f32(1, 3, 3)],
      attrs: { ...dropped, select_last_index: attr.int(1) },
    },
    [],
    [2n],
  ],
  ['ArgMin of all infinities', { op: 'ArgMin', inputs: [f32(Infinity, Infinity)], attrs: dropped }, [], [0n]],
  ['ArgMax of NaN', { op: 'ArgMax', inputs: [f32(1, Number.NaN, 9)], attrs: dropped }, [], [1n]],
  [
    'CumSum backwards without itself',
    {
      op: 'CumSum',
      inputs: [f32(1, 2, 4), scalar('i32', 0)],
      attrs: { exclusive: attr.int(1), reverse: attr.int(1) },
    },
    [3],
    [6, 4, 0],
  ],
  ['CumSum of rows', { op: 'CumSum', inputs: [matrix(3, 2), scalar('i32', 0)] }, [3, 2], [0, 1, 2, 4, 6, 9]],
  [
    'CumSum of rows backwards without themselves',
    {
      op: 'CumSum',
      inputs: [matrix(3, 2), scalar('i32', 0)],
      attrs: { exclusive: attr.int(1), reverse: attr.int(1) },
    },
    [3, 2],
    [6, 8, 4, 5, 0, 0],
  ],
  ['Hardmax marks one of equals', { op: 'Hardmax', inputs: [f32(2, 2)] }, [2], [1, 0]],
  ['LpNormalization of zeros', { op: 'LpNormalization', inputs: [f32(0, 0)] }, [2], [0, 0]],
  ['Det with a zero pivot', { op: 'Det', inputs: [['f32', [2, 2], [0, 2, 3, 4]]] }, [], [-6]],
  [
    'Einsum of a diagonal',
    { op: 'Einsum', inputs: [matrix(2, 2)], attrs: { equation: attr.string('ii->i') } },
    [2],
    [0, 3],
  ],
  [
    'Einsum in implicit form',
    {
      op: 'Einsum',
      inputs: [matrix(2, 2), f32(1, 1)],
      attrs: { equation: attr.string('ij,j') },
    },
    [2],
    [1, 5],
  ],
  [
    'Einsum of three operands',
    {
      op: 'Einsum',
      inputs: [f32(1, 2), matrix(2, 2), f32(3, 1)],
      attrs: { equation: attr.string('i,ij,j->') },
    },
    [],
    [19],
  ],
  [
    'Einsum with an ellipsis',
    {
      op: 'Einsum',
      inputs: [matrix(2, 2), matrix(2, 2)],
      attrs: { equation: attr.string('...i,...i->...') },
    },
    [2],
    [1, 13],
  ],
];

describe('reductions', () => {
  it.each(CASES.map((c) => [c[0], c] as const))('%s', async (_, [, node, shape, values]) => {
    const [y] = await runNode(node);
    expect(y.shape).toEqual(shape);
    y.values.forEach((v, i) => {
      expect(Number(v)).toBeCloseTo(Number(values[i]), 4);
    });
    expect(y.values.length).toBe(values.length);
  });
});

describe('equations', () => {
  it.each([
    ['i->j', [1], 'the result has j, which no operand has'],
    ['i,j->i', [1], 'the equation has 2 terms for 1 operands'],
    ['ij->i', [1], 'term 0 names 2 axes, operand has 1'],
    ['i->ii', [1], 'the result repeats a letter'],
    ['......->', [2], 'term 0 is not letters and at most one ellipsis'],
    ['...i,...->i', [3, 1], 'ellipses stand for 2 and 1 axes, expected one number'],
    ['i->i->i', [1], 'the equation has more than one arrow'],
  ] as const)('%s', (text, ranks, reason) => {
    expect(parseEquation(text, ranks)).toBe(reason);
  });

  it('puts ellipsis axes first in an implicit result', () => {
    expect(parseEquation('b...a', [4])).toEqual({ operands: [['b', '…1', '…0', 'a']], result: ['…1', '…0', 'a', 'b'] });
  });
});
