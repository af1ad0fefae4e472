// Operators that sort, select, lose or hold lists: ties, NaN, run-time counts, ignored classes.
import { describe, expect, it } from 'vitest';
import { attr, f32, i64, type Operand, type Result, runGraph, runNode, scalar } from './a-support.ts';
import { at, expectClose, indices, numbers, random } from './b-support.ts';

describe('TopK', () => {
  it('keeps the order of equal values', async () => {
    const [values, where] = await runNode({ op: 'TopK', inputs: [f32(2, 3, 3, 1, 3), i64(4)], known: [1], outputs: 2 });
    expect([values.values, where.values]).toEqual([
      [3, 3, 3, 2],
      [1n, 2n, 4n, 0n],
    ]);
  });

  it('takes NaN to be the largest', async () => {
    const x = f32(1, Number.NaN, 2, Number.NaN);
    const [, largest] = await runNode({ op: 'TopK', inputs: [x, i64(3)], known: [1], outputs: 2 });
    const [, smallest] = await runNode({
      op: 'TopK',
      inputs: [x, i64(3)],
      known: [1],
      outputs: 2,
      attrs: { largest: attr.int(0) },
    });
    expect([largest.values, smallest.values]).toEqual([
      [1n, 3n, 2n],
      [0n, 2n, 1n],
    ]);
  });

  it('sorts whole columns of a middle axis', async () => {
    const x = random(3, 2, 33, 3);
    const [values] = await runNode({
      op: 'TopK',
      inputs: [x, i64(33)],
      known: [1],
      outputs: 2,
      attrs: { axis: attr.int(1), largest: attr.int(0) },
    });
    const column = (n: number, j: number): number[] =>
      Array.from({ length: 33 }, (_, i) => at(x, [n, i, j])).sort((a, b) => a - b);
    expectClose(
      values,
      [2, 33, 3],
      [...indices([2, 33, 3])].map(([n, i, j]) => column(n, j)[i]),
    );
  });

  for (const largest of [true, false]) {
    it(`finds the ${largest ? 'largest' : 'smallest'} of many, with ties and NaN among them`, async () => {
      const many = numbers(11, 203).map((v, i) => (i % 41 === 20 ? Number.NaN : Math.round(8 * v)));
      const attrs = { largest: attr.int(largest ? 1 : 0) };
      const [, where] = await runNode({ op: 'TopK', inputs: [f32(...many), i64(9)], known: [1], outputs: 2, attrs });
      const rank = (v: number): number => (Number.isNaN(v) ? 100 : v) * (largest ? -1 : 1);
      const order = [...many.keys()].sort((a, b) => rank(many[a]) - rank(many[b]) || a - b);
      expect(where.values).toEqual(order.slice(0, 9).map(BigInt));
    });
  }

  it('reads K at run time and refuses one above the extent', async () => {
    const [values] = await runNode({ op: 'TopK', inputs: [f32(1, 2, 3), i64(2)], outputs: 2 });
    expect(values.values).toEqual([3, 2]);
    await expect(runNode({ op: 'TopK', inputs: [f32(1, 2, 3), i64(4)], outputs: 2 })).rejects.toThrow(
      /K is 4 for an axis of extent 3/,
    );
  });
});

describe('Unique', () => {
  it('groups columns in order of first occurrence', async () => {
    const x: Operand = ['i32', [2, 4], [3, 1, 3, 0, 4, 1, 4, 0]];
    const [y, first, inverse, counts] = await runNode({
      op: 'Unique',
      inputs: [x],
      attrs: { axis: attr.int(-1), sorted: attr.int(0) },
      outputs: 4,
    });
    expect(y).toEqual({ dtype: 'i32', shape: [2, 3], values: [3, 1, 0, 4, 1, 0] });
    expect([first, inverse, counts].map((t) => t.values)).toEqual([
      [0n, 1n, 3n],
      [0n, 1n, 0n, 2n],
      [2n, 1n, 1n],
    ]);
  });

  it('sorts many values and counts them all', async () => {
    const values = numbers(5, 300).map((v) => Math.round(v * 20));
    const [y, , inverse, counts] = await runNode({ op: 'Unique', inputs: [f32(...values)], outputs: 4 });
    const want = [...new Set(values.map((v) => v + 0))].sort((a, b) => a - b);
    expectClose(y, [want.length], want);
    expect(inverse.values.map((i) => Number(y.values[Number(i)]))).toEqual(values.map((v) => v + 0));
    expect(counts.values.reduce((a, b) => Number(a) + Number(b), 0)).toBe(300);
  });
});

describe('NonMaxSuppression', () => {
  const boxes: Operand = ['f32', [1, 4, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 5, 1, 6, 1, 6, 0, 5]];
  const scores: Operand = ['f32', [1, 2, 4], [0.5, 0.9, 0.6, 0.7, 0.1, 0.2, 0.3, 0.3]];

  it('suppresses overlaps per class, first of equal scores first', async () => {
    const [y] = await runNode({ op: 'NonMaxSuppression', inputs: [boxes, scores, i64(9), f32(0.5), f32(0.15)] });
    expect(y.shape).toEqual([4, 3]);
    expect(y.values.map(Number)).toEqual([0, 0, 1, 0, 0, 3, 0, 1, 2, 0, 1, 1]);
  });

  it('selects nothing without a limit', async () => {
    const [y] = await runNode({ op: 'NonMaxSuppression', inputs: [boxes, scores] });
    expect(y).toEqual({ dtype: 'i64', shape: [0, 3], values: [] });
  });
});

describe('losses', () => {
  const [scores, weights] = [random(1, 3, 4, 2), random(2, 4)];
  const labels: Operand = ['i64', [3, 2], [0n, 1n, -5n, 3n, 2n, 3n]];

  it('averages by weight over classes that are not ignored', async () => {
    const [loss, logs] = await runNode({
      op: 'SoftmaxCrossEntropyLoss',
      inputs: [scores, labels, weights],
      attrs: { ignore_index: attr.int(-5) },
      outputs: 2,
    });
    const logOf = (n: number, c: number, j: number): number =>
      at(scores, [n, c, j]) - Math.log([0, 1, 2, 3].reduce((s, k) => s + Math.exp(at(scores, [n, k, j])), 0));
    expectClose(
      logs,
      [3, 4, 2],
      [...indices([3, 4, 2])].map(([n, c, j]) => logOf(n, c, j)),
    );
    const kept = [...indices([3, 2])].map(([n, j]) => ({ n, j, c: at(labels, [n, j]) })).filter(({ c }) => c >= 0);
    const total = kept.reduce((s, { n, j, c }) => s - logOf(n, c, j) * at(weights, [c]), 0);
    expectClose(loss, [], [total / kept.reduce((s, { c }) => s + at(weights, [c]), 0)], 1e-4);
  });

  it('fails the run on a target that is no class', async () => {
    await expect(runNode({ op: 'NegativeLogLikelihoodLoss', inputs: [scores, labels] })).rejects.toThrow(
      /a target is not a class/,
    );
  });
});

describe('sequences and optionals', () => {
  /** Splits x, maps each part through Neg, and reads one back. */
  const run = (target: 'interpreter' | 'wasm'): Promise<Result[]> =>
    runGraph(
      {
        inputs: [{ name: 'x' }, { name: 'i' }],
        outputs: [{ name: 'picked' }, { name: 'count' }, { name: 'whole' }, { name: 'has' }],
        nodes: [
          { op: 'Constant', outputs: ['two'], attrs: { value_int: attr.int(2) } },
          { op: 'SplitToSequence', inputs: ['x', 'two'], outputs: ['parts'] },
          {
            op: 'SequenceMap',
            inputs: ['parts'],
            outputs: ['negated'],
            attrs: {
              body: attr.graph({
                inputs: [{ name: 'part', dtype: 'f32' }],
                outputs: [{ name: 'minus' }],
                nodes: [{ op: 'Neg', inputs: ['part'], outputs: ['minus'] }],
              }),
            },
          },
          { op: 'SequenceInsert', inputs: ['negated', 'x', 'i'], outputs: ['longer'] },
          { op: 'SequenceErase', inputs: ['longer'], outputs: ['shorter'] },
          { op: 'SequenceAt', inputs: ['shorter', 'i'], outputs: ['picked'] },
          { op: 'SequenceLength', inputs: ['shorter'], outputs: ['count'] },
          { op: 'ConcatFromSequence', inputs: ['shorter'], outputs: ['whole'], attrs: { axis: attr.int(0) } },
          { op: 'Optional', inputs: ['shorter'], outputs: ['maybe'] },
          { op: 'OptionalHasElement', inputs: ['maybe'], outputs: ['has'] },
        ],
      },
      [f32(1, 2, 3, 4, 5), scalar('i64', -3n)],
      target,
    );

  for (const target of ['interpreter', 'wasm'] as const) {
    it(`resolves them where a position is known only at run time (${target})`, async () => {
      // [-1 -2] [-3 -4] [-5], x before the first, the last dropped; position -3 is x again.
      const [picked, count, whole, has] = await run(target);
      expect(picked.values).toEqual([1, 2, 3, 4, 5]);
      expect([count.values, has.values]).toEqual([[3n], [1]]);
      expect(whole.values).toEqual([1, 2, 3, 4, 5, -1, -2, -3, -4]);
    });
  }

  it('refuses a position outside of a sequence', async () => {
    const graph = {
      inputs: [{ name: 'x' }],
      outputs: [{ name: 'y' }],
      nodes: [
        { op: 'SequenceConstruct', inputs: ['x'], outputs: ['s'] },
        { op: 'Constant', outputs: ['i'], attrs: { value_int: attr.int(1) } },
        { op: 'SequenceAt', inputs: ['s', 'i'], outputs: ['y'] },
      ],
    };
    await expect(runGraph(graph, [f32(1)])).rejects.toThrow(/position 1 is out of range for 1 elements/);
  });
});

describe('operators of the compiler itself', () => {
  it('are refused in a model', async () => {
    const graph = {
      inputs: [{ name: 'x' }],
      outputs: [{ name: 'y' }],
      nodes: [{ op: 'UniqueRows', domain: 'tilewright', inputs: ['x'], outputs: ['y'], attrs: { axis: attr.int(7) } }],
    };
    const run = runGraph(graph, [f32(1)], 'interpreter', [
      ['', 28],
      ['tilewright', 1],
    ]);
    await expect(run).rejects.toThrow(/UNSUPPORTED_OPERATOR.*reserved/);
  });
});
