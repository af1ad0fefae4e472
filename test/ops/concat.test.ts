// Concats that begin with what earlier ones joined: the same elements as joined at once, in fewer copies; along another
// axis, or in another order, they share nothing.
import { describe, expect, it } from 'vitest';
import { toTiles } from '../../src/3-tile/from-graph.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import { run } from '../schedule/running.ts';

const ROWS = 3;
const part = (at: number) => Array.from({ length: ROWS * 4 }, (_, i) => 100 * at + i);
const feeds = Array.from({ length: 4 }, (_, i) => tensorOf('f32', [ROWS, 4], part(i)));

/** Several Concats, whose inputs are given by their numbers; the last is the first result. */
function model(lists: readonly (readonly number[])[], axes: readonly number[]): ModelBuilder {
  const m = new ModelBuilder();
  const xs = feeds.map((_, i) => m.input(`x${i}`, 'float32', [ROWS, 4]));
  const all = lists.map(
    (list, i): Value =>
      m.node(
        'Concat',
        list.map((n) => xs[n]),
        { axis: axes[i] },
      ),
  );
  for (const y of all.reverse()) m.output(y);
  return m;
}

async function copies(m: ModelBuilder): Promise<number> {
  const compiler = modelCompiler(parseModel(m.toBytes()), await nodeBackend('interpreter'), DEFAULT_LIMITS);
  const types = feeds.map((f) => ({ kind: 'tensor' as const, dtype: f.dtype, shape: f.shape }));
  return toTiles(compiler.specialise(types, []).segments[0]).steps.length;
}

describe('Concats of what was joined before', () => {
  it.each([
    [
      'growing',
      [
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
      ],
      [1, 1, 1],
      6,
    ],
    [
      'with a gap',
      [
        [0, 1],
        [0, 1, 2, 3],
      ],
      [1, 1],
      5,
    ],
    [
      'along another axis',
      [
        [0, 1],
        [0, 1, 2],
      ],
      [0, 1],
      5,
    ],
    [
      'in another order',
      [
        [1, 0],
        [0, 1, 2],
      ],
      [1, 1],
      5,
    ],
    [
      'of one tensor again and again',
      [
        [2, 2],
        [2, 2, 2, 2],
      ],
      [1, 1],
      5,
    ],
  ])('%s', async (_, lists, axes, expected) => {
    const m = model(lists, axes);
    expect(await copies(m)).toBe(expected);
    for (const target of ['wasm', 'interpreter'] as const) {
      const { values } = await run(target, model(lists, axes), feeds);
      const last = lists[lists.length - 1];
      const rows = Array.from({ length: ROWS }, (_r, r) => last.flatMap((n) => part(n).slice(4 * r, 4 * r + 4)));
      expect(values).toEqual(rows.flat());
    }
  });
});
