// Attention as one pass over rows: no matrix of scores over all queries and keys is ever in memory, whatever the kind of
// attention and the device. Programs are scheduled and not run: the plan of memory says it.
import { describe, expect, it } from 'vitest';
import { toTiles } from '../../src/3-tile/from-graph.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import { ModelBuilder } from '../../src/build.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';
import { type Build, DEPTH, HEADS, KINDS } from './attention-kinds.ts';

const inputShapes = (n: number, name: string, keyHeads: number): number[] =>
  name === 'mask' ? [1, 1, 1, n] : [1, name === 'q' ? HEADS : keyHeads, n, DEPTH];

function arenaBytes(build: Build, n: number, device: string, keyHeads: number): number {
  const builder = new ModelBuilder({ opset: 23 });
  build(builder, n);
  const model = parseModel(builder.toBytes());
  const types = model.graph.inputs.map(({ name }) => {
    return { kind: 'tensor' as const, dtype: 'f32' as const, shape: inputShapes(n, name, keyHeads) };
  });
  const compiler = modelCompiler(model, interpreterBackend(silent), DEFAULT_LIMITS);
  const [segment] = compiler.specialise(types, []).segments;
  return schedule(toTiles(segment), { device: namedDevice(device)!, lower: lowering }).plan.arenaBytes;
}

describe.each(Object.entries(KINDS))('attention, %s', (kind, build) => {
  const keyHeads = kind === 'grouped-query' ? HEADS / 4 : HEADS;
  it.each(['wasm-simd128-fma', 'x86-avx512-vnni', 'x86-avx2'])('grows with the sequence on %s', (device) => {
    const [short, middle, long] = [1024, 2048, 4096].map((n) => arenaBytes(build, n, device, keyHeads));
    expect(middle).toBeLessThan(2.2 * short);
    expect(long).toBeLessThan(2.2 * middle);
  });
});
