// Long Fourier transforms are two sums over factors of the length, one within the other: equal to the definition within
// a bound on rounding, and far fewer products.
import { describe, expect, it } from 'vitest';
import { toTiles } from '../../src/3-tile/from-graph.ts';
import { pointsOf } from '../../src/3-tile/tile-op.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { type AttrSpec, writeModel } from '../../src/web/write.ts';
import { attr, type Operand, runGraph, type Target } from './a-support.ts';
import { at, expectClose, indices, random } from './b-support.ts';

/** Σ over m of x[m] · e^(∓2πi·k·m/n), in f64, by [batch, k, column, part]. */
function defined(x: Operand, bins: number, inverse: boolean): number[] {
  const [batch, n, columns, parts] = x[1];
  const sign = inverse ? 1 : -1;
  return [...indices([batch, bins, columns, 2])].map(([b, k, c, part]) => {
    let sum = 0;
    for (let m = 0; m < n; m++) {
      const angle = (sign * 2 * Math.PI * ((k * m) % n)) / n;
      const [re, im] = [at(x, [b, m, c, 0]), parts === 2 ? at(x, [b, m, c, 1]) : 0];
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      sum += part === 0 ? re * cos - im * sin : re * sin + im * cos;
    }
    return inverse ? sum / n : sum;
  });
}

/** Every path from an element to a result rounds twice per term of either sum, and once per factor. */
const bound = (x: Operand): number =>
  2 ** -24 * (4 * 64 + 8) * x[2].reduce<number>((s, v) => s + Math.abs(Number(v)), 0);

const TARGETS: readonly Target[] = ['interpreter', 'wasm'];
const scalar = (v: bigint) => tensorOf('i64', [], [v]);

/** The node's result on every target; its inputs after the first are known. */
async function expectNode(
  op: string,
  x: Operand,
  known: readonly (ReturnType<typeof scalar> | null)[],
  attrs: Readonly<Record<string, AttrSpec>>,
  shape: readonly number[],
  want: readonly number[],
  tolerance: number,
): Promise<void> {
  const names = known.map((k, i) => (k ? `k${i}` : ''));
  const graph = {
    inputs: [{ name: 'x' }],
    outputs: [{ name: 'y' }],
    nodes: [{ op, inputs: ['x', ...names], outputs: ['y'], attrs }],
    initializers: known.flatMap((k, i) => (k ? [[names[i], k] as const] : [])),
  };
  for (const target of TARGETS) expectClose((await runGraph(graph, [x], target))[0], shape, want, tolerance);
}

describe('long Fourier transforms', () => {
  for (const [n, parts, inverse] of [
    [64, 1, false],
    [64, 2, false],
    [96, 2, true],
    [90, 2, false],
  ] as const) {
    it(`sum ${n} elements of ${parts} parts as defined${inverse ? ', backwards' : ''}`, async () => {
      const x = random(n + parts, 2, n, 3, parts);
      const attrs = { inverse: attr.int(inverse ? 1 : 0) };
      const want = defined(x, n, inverse);
      await expectNode('DFT', x, [null, scalar(1n)], attrs, [2, n, 3, 2], want, inverse ? bound(x) / n : bound(x));
    });
  }

  it('give half a spectrum where that is asked for', async () => {
    const x = random(7, 1, 600, 1, 1);
    const attrs = { onesided: attr.int(1) };
    await expectNode('DFT', x, [null, scalar(1n)], attrs, [1, 301, 1, 2], defined(x, 301, false), bound(x));
  });

  it('take frames of a signal', async () => {
    const [signal, window] = [random(8, 1, 1200, 1), random(9, 600)];
    const frames: Operand = ['f32', [2, 600, 1, 1], signal[2].map((v, i) => Number(v) * Number(window[2][i % 600]))];
    const want = defined(frames, 301, false);
    const known = [scalar(600n), tensorOf(...window)];
    await expectNode('STFT', signal, known, {}, [1, 2, 301, 2], want, bound(frames));
  });

  it('take a few products per element', async () => {
    const graph = {
      inputs: [{ name: 'x', dtype: 'f32' as const, shape: [1, 1024, 1] }],
      outputs: [{ name: 'y' }],
      nodes: [{ op: 'DFT', inputs: ['x'], outputs: ['y'] }],
    };
    const model = parseModel(writeModel({ graph, opsets: [['', 20]] }));
    const types = [{ kind: 'tensor' as const, dtype: 'f32' as const, shape: [1, 1024, 1] }];
    const compiler = modelCompiler(model, await nodeBackend('interpreter'), DEFAULT_LIMITS);
    const { steps } = toTiles(compiler.specialise(types, []).segments[0]);
    const products = steps.reduce(
      (n, s) => (s.kind === 'op' && s.reduce ? n + pointsOf([...s.axes, ...s.reduce.axes]) : n),
      0,
    );
    expect(products).toBe(1024 * 2 * (32 + 2 * 32));
  });
});
