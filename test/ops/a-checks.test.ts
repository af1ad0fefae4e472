// Checks of indices that only a run knows: they fail the run, unless the operator does not run.
import { describe, expect, it } from 'vitest';
import type { GraphSpec, NodeSpec } from '../../src/web/write.ts';
import { attr, f32, i64, type Operand, runGraph, runNode, scalar } from './a-support.ts';

const TARGETS = ['interpreter', 'wasm'] as const;
const gather: NodeSpec = { op: 'Gather', inputs: ['x', 'i'], outputs: ['picked'] };

const branching: GraphSpec = {
  inputs: [{ name: 'cond' }, { name: 'x' }, { name: 'i' }],
  outputs: [{ name: 'y' }],
  nodes: [
    {
      op: 'If',
      inputs: ['cond'],
      outputs: ['y'],
      attrs: {
        then_branch: attr.graph({ nodes: [gather], outputs: [{ name: 'picked' }] }),
        else_branch: attr.graph({ nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['n'] }], outputs: [{ name: 'n' }] }),
      },
    },
  ],
};

/** sum = trip times: sum + x[i[iteration]]. */
const looping: GraphSpec = {
  inputs: [{ name: 'trip' }, { name: 'x' }, { name: 'i' }, { name: 'start' }],
  outputs: [{ name: 'y' }],
  nodes: [
    {
      op: 'Loop',
      inputs: ['trip', '', 'start'],
      outputs: ['y'],
      attrs: {
        body: attr.graph({
          inputs: [
            { name: 'k', dtype: 'i64', shape: [] },
            { name: 'go', dtype: 'bool', shape: [] },
            { name: 'sum', dtype: 'f32', shape: [] },
          ],
          outputs: [{ name: 'go_on' }, { name: 'next' }],
          nodes: [
            { op: 'Identity', inputs: ['go'], outputs: ['go_on'] },
            { op: 'Gather', inputs: ['i', 'k'], outputs: ['at'] },
            { op: 'Gather', inputs: ['x', 'at'], outputs: ['v'] },
            { op: 'Add', inputs: ['sum', 'v'], outputs: ['next'] },
          ],
        }),
      },
    },
  ],
};

const loopFeeds = (trip: number, ...at: number[]): Operand[] => [
  scalar('i64', BigInt(trip)),
  f32(1, 2, 4),
  i64(...at),
  scalar('f32', 0),
];

describe.each(TARGETS)('checks on %s', (target) => {
  it('refuses an index beyond the axis', async () => {
    const graph = { inputs: [{ name: 'x' }, { name: 'i' }], outputs: [{ name: 'picked' }], nodes: [gather] };
    await expect(runGraph(graph, [f32(1, 2), i64(2)], target)).rejects.toThrow(/RUNTIME_CHECK.*out of range/s);
    const [y] = await runGraph(graph, [f32(1, 2), i64(-2, 1)], target);
    expect(y.values).toEqual([1, 2]);
  });

  it('does not mind what a branch not taken would have read', async () => {
    const feeds = (cond: number): Operand[] => [scalar('bool', cond), f32(1, 2), i64(0, 7)];
    const [y] = await runGraph(branching, feeds(0), target);
    expect(y.values).toEqual([-1, -2]);
    await expect(runGraph(branching, feeds(1), target)).rejects.toThrow(/RUNTIME_CHECK/);
  });

  it('sees a bad index of any iteration, and none of a loop that does not run', async () => {
    const [y] = await runGraph(looping, loopFeeds(3, 0, 2, -2), target);
    expect(y.values).toEqual([7]);
    await expect(runGraph(looping, loopFeeds(3, 0, 3, 1), target)).rejects.toThrow(/RUNTIME_CHECK/);
    const [zero] = await runGraph(looping, loopFeeds(0, 9, 9, 9), target);
    expect(zero.values).toEqual([0]);
  });
});

describe('known indices', () => {
  it('are refused before anything runs', async () => {
    const inputs = [f32(1, 2), i64(5)];
    await expect(runNode({ op: 'Gather', inputs, known: [1] })).rejects.toThrow(/index 5 is out of range/);
  });
});
