// Borders of what a sum slides over become real also where it reads part of a tensor: no load of the sum is guarded.
import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../src/ir/tensor.ts';
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { run } from './running.ts';

const ints = (...values: number[]): Tensor => new Tensor('int64', values.map(BigInt));
const whole = (n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7) % 11) - 5);

const PARTS: Readonly<Record<string, (m: ModelBuilder, x: Value) => Value>> = {
  all: (_, x) => x,
  'a slice at the beginning': (m, x) => m.node('Slice', [x, ints(0, 0), ints(9, 10), ints(2, 3)]),
  'a slice in the middle': (m, x) => m.node('Slice', [x, ints(3, 2), ints(12, 11), ints(2, 3)]),
};

describe('a window over', () => {
  it.each(Object.keys(PARTS))('%s reads a border', async (name) => {
    const m = new ModelBuilder();
    const part = PARTS[name](m, m.input('x', 'float32', [1, 4, 14, 13]));
    const weights = new Tensor('float32', whole(8 * 4 * 25), [8, 4, 5, 5]);
    m.output(m.node('Conv', [part, weights], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }));
    const feeds = [tensorOf('f32', [1, 4, 14, 13], whole(4 * 14 * 13))];
    const { values, kernels } = await run('wasm', m, feeds);
    expect(values).toEqual((await run('interpreter', m, feeds)).values);
    expect(kernels.join('\n')).not.toContain(' ? ');
  });
});
