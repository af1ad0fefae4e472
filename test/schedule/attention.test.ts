// Attention as one pass over rows: no matrix of scores over all queries and keys is ever in memory, whatever the kind of
// attention and the device. Programs are scheduled and not run: the plan of memory says it.
import { describe, expect, it } from 'vitest';
import { toTiles } from '../../src/3-tile/from-graph.ts';
import { runsOf } from '../../src/3-tile/statements.ts';
import type { TaskProgram } from '../../src/3-tile/task.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';
import { ModelBuilder } from '../../src/web/build.ts';
import { type Build, DEPTH, HEADS, KINDS } from './attention-kinds.ts';

const inputShapes = (n: number, name: string, keyHeads: number): number[] =>
  name === 'mask' ? [1, 1, 1, n] : [1, name === 'q' ? HEADS : keyHeads, n, DEPTH];

function scheduled(build: Build, n: number, device: string, keyHeads = HEADS): TaskProgram {
  const builder = new ModelBuilder({ opset: 23 });
  build(builder, n);
  const model = parseModel(builder.toBytes());
  const types = model.graph.inputs.map(({ name }) => {
    return { kind: 'tensor' as const, dtype: 'f32' as const, shape: inputShapes(n, name, keyHeads) };
  });
  const compiler = modelCompiler(model, interpreterBackend(silent), DEFAULT_LIMITS);
  const [segment] = compiler.specialise(types, []).segments;
  return schedule(toTiles(segment), { device: namedDevice(device)!, lower: lowering });
}

describe.each(Object.entries(KINDS))('attention, %s', (kind, build) => {
  const keyHeads = kind === 'grouped-query' ? HEADS / 4 : HEADS;
  it.each(['wasm-simd128-fma', 'x86-avx512-vnni', 'x86-avx2'])('grows with the sequence on %s', (device) => {
    const [short, middle, long] = [1024, 2048, 4096].map((n) => scheduled(build, n, device, keyHeads).plan.arenaBytes);
    expect(middle).toBeLessThan(2.2 * short);
    expect(long).toBeLessThan(2.2 * middle);
  });
});

it('packs keys that a kernel turns for itself within that kernel', () => {
  const kernel = scheduled(KINDS['plain'], 1024, 'wasm-simd128-fma').lanes.flatMap(runsOf).at(-1)!;
  expect(kernel.kernel.name).toContain('Transpose');
  expect(kernel.args.filter((t) => t.name === 'packed').length).toBe(1);
});
