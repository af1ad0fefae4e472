// Loads, stores and round trips of every storage type, scalar and vector, against the formats; once
// with the host's instructions and once with the plainest ones.
import { beforeAll, describe, expect, it } from 'vitest';
import type { TileTensor } from '../../src/3-tile/tensor.ts';
import { dtypeInfo, isStorageFloat } from '../../src/ir/dtype.ts';
import { encodeFloat } from '../../src/ir/float.ts';
import { elements, type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import { build, noCompiler } from './harness.ts';
import { StorageCases } from './storage-cases.ts';
import { same } from './values.ts';

const missing = noCompiler();

describe.skipIf(missing !== null)('storage types in C', () => {
  const storage = new StorageCases([1, 4, 8, 16]);
  const { cases, feeds } = storage;
  const results = new Map<string, Map<TileTensor, TensorData>>();

  beforeAll(async () => {
    const program = storage.program();
    const host = await build(program);
    const plain = await build(program, { features: new Set(['sse2']) });
    for (const [name, e] of [
      ['host', host],
      ['plain', plain],
    ] as const) {
      const out = e.run(feeds);
      results.set(name, new Map(cases.map((c, i) => [c.output, out[i]])));
      e.dispose();
    }
  });

  it('covers every storage type', () => {
    expect(cases.length).toBeGreaterThan(300);
  });

  it.each(['host', 'plain'])('agree with the formats on %s instructions', (name) => {
    const wrong: string[] = [];
    for (const c of cases) {
      const x = tensorValues(c.input);
      tensorValues(results.get(name)!.get(c.output)!).forEach((got, i) => {
        const want = c.expected(x[i]);
        if (!same(got, want)) wrong.push(`${c.label}(${x[i]}) = ${got}, not ${want}`);
      });
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });

  it('encodes the very bits, not only the value', () => {
    const wrong: string[] = [];
    for (const c of cases) {
      const t = c.output.dtype;
      if (!c.label.startsWith('store') || !isStorageFloat(t)) continue;
      const { bytes } = results.get('host')!.get(c.output)!;
      const bits = elements(dtypeInfo(t).bytes === 2 ? 'u16' : 'u8', bytes);
      tensorValues(c.input).forEach((x, i) => {
        const want = encodeFloat(t, Number(x));
        if (bits.get(i) !== want) wrong.push(`${c.label}(${x}) = ${bits.get(i)}, not ${want}`);
      });
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});
