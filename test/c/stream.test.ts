// Stores past the caches: which results get them, and that values stay what they are. In: models with large and small
// results, and with large ones that are read again.
import { describe, expect, it } from 'vitest';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { usableFeatures } from '../../src/6-runtime/launch/native.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import { compileProgram, parseModel } from '../../src/compile.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { silent } from '../../src/observe.ts';
import { ModelBuilder } from '../../src/web/build.ts';
import { run } from '../schedule/running.ts';
import { noCompiler } from './harness.ts';

const AVX512 = ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'];
const missing = noCompiler();
const usable = await usableFeatures();

/** Rows of so many columns: their negative, and where `again` its rows' sums as well. */
function model(rows: number, columns: number, again = false): ModelBuilder {
  const b = new ModelBuilder();
  const x = b.input('x', 'float32', [rows, columns]);
  const y = b.node('Neg', [b.node('Transpose', [x], { perm: [1, 0] })]);
  b.output(y);
  if (again) b.output(b.node('ReduceMax', [b.node('Softmax', [y], { axis: 0 })], { keepdims: 0 }));
  return b;
}

async function source(b: ModelBuilder, features: readonly string[]): Promise<string> {
  const parsed = parseModel(b.toBytes());
  const device = namedDevice('x86-avx512-vnni')!;
  const machine = { device, target: cTarget, features: new Set(features) };
  const types = parsed.graph.inputs.map((v) => v.type);
  const { artifact } = await compileProgram(parsed, types as never, machine, interpreterBackend(silent));
  return new TextDecoder().decode(artifact.code.bytes);
}

describe('stores past the caches', () => {
  it('are those of large results', async () => {
    expect(await source(model(512, 600), AVX512)).toMatch(/ stream\(p\d/);
    expect(await source(model(64, 600), AVX512)).not.toContain('stream(');
  });
  it('need vectors of a line', async () => {
    expect(await source(model(512, 600), [])).not.toContain('stream(');
  });
  it('are not those of what is read again', async () => {
    expect(await source(model(512, 600, true), AVX512)).not.toContain('stream(');
  });
  // Rows of 601 and 600: most stores do not begin a line, some do.
  it.skipIf(missing || !AVX512.every((f) => usable.has(f))).each([
    [512, 600],
    [601, 512],
  ])('keep values of %i by %i', async (rows, columns) => {
    const x = tensorOf(
      'f32',
      [rows, columns],
      Array.from({ length: rows * columns }, (_, i) => (i % 4096) / 8 - 200),
    );
    const ran = await run('c', model(rows, columns), [x]);
    const values = tensorValues(x) as number[];
    const expected = Array.from(
      { length: rows * columns },
      (_, i) => -values[(i % rows) * columns + Math.floor(i / rows)],
    );
    expect(ran.values).toEqual(expected);
  });
  // From 32 MiB on, memory of results is mapped anew for every run.
  it.skipIf(missing)('keep values where results take large pages', async () => {
    const x = new Float32Array(2 ** 23 + 5).map((_, i) => (i % 4096) - 2000);
    const b = new ModelBuilder();
    b.output(b.node('Neg', [b.input('x', 'float32', [x.length])]));
    const { values } = await run('c', b, [{ dtype: 'f32', shape: [x.length], bytes: new Uint8Array(x.buffer) }]);
    expect(values.length).toBe(x.length);
    expect(values.findIndex((y, i) => y !== -x[i])).toBe(-1);
  });
});
