// Attention as one pass over rows: no matrix of scores over all queries and keys is ever in memory, whatever the kind of
// attention and the device. Programs are scheduled and not run: the plan of memory says it.
import { describe, expect, it } from 'vitest';
import { toTiles } from '../../src/3-tile/from-graph.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { interpreterBackend } from '../../src/backends/backend.ts';
import { ModelBuilder, Tensor } from '../../src/build.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';

const [HEADS, DEPTH] = [12, 64];

type Build = (m: ModelBuilder, n: number) => void;

const inputs = (m: ModelBuilder, n: number, keyHeads = HEADS) =>
  ['q', 'k', 'v'].map((name, i) => m.input(name, 'float32', [1, i === 0 ? HEADS : keyHeads, n, DEPTH]));

/** The ways in which exporters write attention. */
const KINDS: Readonly<Record<string, Build>> = {
  plain: (m, n) => m.output(m.node('Attention', inputs(m, n))),
  causal: (m, n) => m.output(m.node('Attention', inputs(m, n), { is_causal: 1 })),
  masked: (m, n) => {
    const mask = m.input('mask', 'float32', [1, 1, 1, n]);
    m.output(m.node('Attention', [...inputs(m, n), mask]));
  },
  'grouped-query': (m, n) => m.output(m.node('Attention', inputs(m, n, HEADS / 4))),
  'of small operators': (m, n) => {
    const [q, k, v] = inputs(m, n);
    const scores = m.node('MatMul', [q, m.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
    const scaled = m.node('Mul', [scores, new Tensor('float32', [DEPTH ** -0.5], [])]);
    m.output(m.node('MatMul', [m.node('Softmax', [scaled], { axis: -1 }), v]));
  },
};

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
