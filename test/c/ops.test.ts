// Every op on every compute type, scalar and vector, with special values, against the meaning that
// the interpreter uses. All kernels are one program, so the compiler runs once.
import { beforeAll, describe, expect, it } from 'vitest';
import type { TileTensor } from '../../src/3-tile/tensor.ts';
import { type Scalar, type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import { build, noCompiler } from './harness.ts';
import { OpCases, TYPES } from './op-cases.ts';
import { same } from './values.ts';

const missing = noCompiler();

describe.skipIf(missing !== null)('ops in C', () => {
  const ops = new OpCases([1, 4, 8, 16]);
  const { cases, feeds } = ops;
  let results: Map<TileTensor, TensorData>;

  beforeAll(async () => {
    const executable = await build(ops.program());
    const out = executable.run(feeds);
    results = new Map(cases.map((c, i) => [c.output, out[i]]));
    executable.dispose();
  });

  it('covers every op that the target offers', () => {
    expect(cases.length).toBeGreaterThan(500);
  });

  for (const t of TYPES) {
    it(`means the same on ${t}`, () => {
      const wrong: string[] = [];
      for (const c of cases) {
        if (c.inputs[0].dtype !== t) continue;
        const columns = c.inputs.map((d) => tensorValues(d));
        const got = tensorValues(results.get(c.output)!);
        got.forEach((g, i) => {
          const row = columns.map((col) => col[i]);
          const want = c.expected(row);
          if (!same(g, want)) wrong.push(`${c.label}(${row.map(show)}) = ${show(g)}, not ${show(want)}`);
        });
      }
      expect(wrong.slice(0, 20)).toEqual([]);
    });
  }
});

const show = (v: Scalar): string => (Object.is(v, -0) ? '-0' : String(v));
