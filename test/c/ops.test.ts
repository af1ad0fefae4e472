// Every op on every compute type, scalar and vector, with special values, against the meaning that
// the interpreter uses. All kernels are one program, compiled for three sets of instructions.
import { beforeAll, describe, expect, it } from 'vitest';
import { cpuFeatures } from '../../src/6-runtime/toolchain.ts';
import { type Scalar, type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import { build, noCompiler } from './harness.ts';
import { OpCases, TYPES } from './op-cases.ts';
import { same } from './values.ts';

const missing = noCompiler();

describe.skipIf(missing !== null)('ops in C', () => {
  const ops = new OpCases([1, 4, 8, 16]);
  const { cases, feeds } = ops;
  /** Per set of instructions, the outputs in the order of the cases. */
  const results = new Map<string, TensorData[]>();

  beforeAll(async () => {
    const narrow = new Set([...cpuFeatures()].filter((f) => !f.startsWith('avx512')));
    const sets = { host: cpuFeatures(), narrow, plain: new Set(['sse2']) };
    for (const [name, features] of Object.entries(sets)) {
      const executable = await build(ops.program(), { features });
      results.set(name, executable.run(feeds));
      executable.dispose();
    }
  });

  it('covers every op that the target offers', () => {
    expect(cases.length).toBeGreaterThan(1000);
  });

  for (const t of TYPES) {
    it.each(['host', 'narrow', 'plain'])(`means the same on ${t} with %s vectors`, (name) => {
      const wrong: string[] = [];
      cases.forEach((c, k) => {
        if (c.inputs[0].dtype !== t) return;
        const columns = c.inputs.map((d) => tensorValues(d));
        tensorValues(results.get(name)![k]).forEach((g, i) => {
          const row = columns.map((col) => col[i]);
          const want = c.expected(row);
          if (!same(g, want)) wrong.push(`${c.label}(${row.map(show)}) = ${show(g)}, not ${show(want)}`);
        });
      });
      expect(wrong.slice(0, 20)).toEqual([]);
    });
  }
});

const show = (v: Scalar): string => (Object.is(v, -0) ? '-0' : String(v));
