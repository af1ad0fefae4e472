// Minimal filtering: its matrices are exact, its rounding stays within what follows from them, it is taken
// for windows of stride 1 that are 3×3 along their last dimensions and nothing else, and every target computes it at
// any extents.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { both, generate, rounding, TABLE } from '../../scripts/winograd.ts';
import { specialise } from '../../src/2-graph/specialise.ts';
import { foldNode, toTiles } from '../../src/3-tile/from-graph.ts';
import { interpret } from '../../src/3-tile/interpret.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { programProblems } from '../../src/3-tile/verify.ts';
import { FILTERS, type Filter, type Matrix } from '../../src/4-schedule/gen/filters.ts';
import { layOut } from '../../src/4-schedule/layout.ts';
import { fuse } from '../../src/4-schedule/welder/fuse.ts';
import { minimalFilters } from '../../src/4-schedule/winograd.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { parseModel } from '../../src/compile.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { elementCount, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { silent } from '../../src/observe.ts';
import { operatorRegistry } from '../../src/ops/registry.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { type NodeSpec, writeModel } from '../../src/web/write.ts';
import { attr } from '../attr.ts';
import { noCompiler } from '../c/harness.ts';

const UNIT = 2 ** -24;
const device = namedDevice('x86-avx512')!;
const range = <T>(n: number, f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));

describe('the matrices of minimal filtering', () => {
  it('are those that the script writes', () => {
    expect(readFileSync(TABLE, 'utf8')).toBe(generate());
  });

  it.each(FILTERS)('of F($m×$m) give the sums of the windows', ({ m, input, window, output }) => {
    const next = mulberry32(3);
    const random = (n: number): number[][] => range(n, () => range(n, () => 2 * next() - 1));
    const [d, g] = [random(m + 2), random(3)];
    const [v, u] = [both(input, d), both([window], g)];
    const y = both(
      output,
      v.map((row, i) => row.map((x, j) => x * u[i][j])),
    );
    for (let i = 0; i < m * m; i++) {
      const [r, c] = [Math.floor(i / m), i % m];
      const want = range(9, (k) => d[r + Math.floor(k / 3)][c + (k % 3)] * g[Math.floor(k / 3)][k % 3]);
      expect(y[r][c]).toBeCloseTo(
        want.reduce((a, b) => a + b),
        12,
      );
    }
  });

  it('round little: errors beside the sums of magnitudes of 64 channels', () => {
    const [two, four] = FILTERS.map((f) => rounding(f, 64, 6));
    expect(two).toBeLessThan(2 * UNIT);
    expect(four).toBeLessThan(6 * UNIT);
  });
});

/** A convolution of a chain, and what follows it. */
interface Layer {
  readonly out: number;
  readonly pads?: readonly number[];
  readonly bias?: boolean;
  /** Adds the layer's input, then takes the positive part. */
  readonly residual?: boolean;
  readonly kernel?: number;
  /** Extent of the window along the dimension before its last two, where there is one (default 3). */
  readonly depth?: number;
  readonly group?: number;
  readonly stride?: number;
  readonly dilation?: number;
}

interface Net {
  readonly input: readonly number[];
  readonly layers: readonly Layer[];
}

function random(shape: readonly number[], seed: number, scale = 1): TensorData {
  const next = mulberry32(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return tensorOf(
    'f32',
    shape,
    range(count, () => Math.fround(scale * (2 * next() - 1))),
  );
}

/** All nets in one program, and its feeds. The weights under a window sum to 1 at most, so errors do not grow. */
function program(nets: readonly Net[]): { tiles: TileProgram; feeds: TensorData[] } {
  const nodes: NodeSpec[] = [];
  const initializers: [string, TensorData][] = [];
  for (const [k, { input, layers }] of nets.entries()) {
    let [x, channels] = [`x${k}`, input[1]];
    for (const [i, layer] of layers.entries()) {
      const { out, bias, residual, kernel = 3, depth = 3, group = 1, stride = 1, dilation = 1 } = layer;
      const id = `${k}_${i}`;
      const window = [...input.slice(2, -2).map(() => depth), kernel, kernel];
      const { pads = [...window, ...window].map(() => 1) } = layer;
      const shape = [out, channels / group, ...window];
      initializers.push([`w${id}`, random(shape, 7 * k + i + 1, 1 / elementCount(shape.slice(1)))]);
      if (bias) initializers.push([`b${id}`, random([out], 90 + k)]);
      const attrs = {
        pads: attr.ints(pads),
        group: attr.int(group),
        strides: attr.ints(window.map(() => stride)),
        dilations: attr.ints(window.map(() => dilation)),
      };
      nodes.push({ op: 'Conv', inputs: [x, `w${id}`, ...(bias ? [`b${id}`] : [])], outputs: [`c${id}`], attrs });
      if (residual) {
        nodes.push({ op: 'Add', inputs: [`c${id}`, x], outputs: [`a${id}`] });
        nodes.push({ op: 'Relu', inputs: [`a${id}`], outputs: [`r${id}`] });
      }
      [x, channels] = [residual ? `r${id}` : `c${id}`, out];
    }
    nodes.push({ op: 'Identity', inputs: [x], outputs: [`y${k}`] });
  }
  const inputs = nets.map((n, k) => ({ name: `x${k}`, dtype: 'f32' as const, shape: n.input }));
  const outputs = nets.map((_, k) => ({ name: `y${k}` }));
  const model = parseModel(writeModel({ graph: { inputs, outputs, nodes, initializers }, opsets: [['', 21]] }));
  const types = inputs.map(({ dtype, shape }) => ({ kind: 'tensor' as const, dtype, shape }));
  const options = { registry: operatorRegistry(), limits: DEFAULT_LIMITS, fold: foldNode, answers: [] };
  const [segment] = specialise(model, types, options).segments;
  const tiles = toTiles(segment);
  const feeds = tiles.inputs.map((t, k) => random(t.shape, 1000 + k));
  return { tiles, feeds };
}

const fused = (tiles: TileProgram, f: Filter | null): TileProgram =>
  fuse(layOut(tiles), (steps) => minimalFilters(steps, device, () => f));

/** Nets of every shape that matters: extents below a tile, whole tiles and rests, borders, batches, epilogues. */
function randomNets(count: number, seed: number): Net[] {
  const next = mulberry32(seed);
  const up = (n: number): number => 1 + Math.floor(next() * n);
  return range(count, () => {
    const input = [up(2), 1 + up(9), 3 + up(9), 3 + up(9)];
    const layers: Layer[] = [];
    for (let [c, h, w] = input.slice(1); layers.length < 3; ) {
      const residual = next() < 0.4;
      const pads = residual ? [1, 1, 1, 1] : range(4, () => up(2) - 1);
      [h, w] = [h + pads[0] + pads[2] - 2, w + pads[1] + pads[3] - 2];
      if (h < 2 || w < 2) break;
      c = residual ? c : 1 + up(20);
      layers.push({ out: c, pads, residual, bias: next() < 0.5 });
    }
    return { input, layers };
  });
}

/** The same with a window of three dimensions, of which one is short, long or one element. */
function deepNets(count: number, seed: number): Net[] {
  const next = mulberry32(seed);
  const up = (n: number): number => 1 + Math.floor(next() * n);
  return range(count, (k) => {
    const depth = 1 + (k % 4);
    const input = [up(2), 1 + up(9), depth + up(3), 3 + up(6), 3 + up(6)];
    const pads = range(6, () => up(2) - 1);
    return {
      input,
      layers: [
        { out: 1 + up(20), depth, pads, bias: next() < 0.5 },
        ...(k < 4 ? [{ out: 5, depth: 1, pads: [0, 1, 1, 0, 1, 1] }] : []),
      ],
    };
  });
}

/** Sums over one channel, one result or one row slide along fewer axes: they stay as they are. */
const NARROW: readonly Net[] = [
  { input: [2, 1, 5, 6], layers: [{ out: 4 }] },
  { input: [1, 3, 5, 6], layers: [{ out: 1 }] },
  { input: [1, 3, 3, 6], layers: [{ out: 2, pads: [0, 1, 0, 1] }] },
];

const absolute = (x: Matrix): Matrix => x.map((row) => row.map(Math.abs));

/**
 * What a result of a layer may be off by, for data of size 2 at most and windows whose weights sum to 1 at most. Each
 * value passes at most `roundings` of them on its way; how much larger than the sum's own terms the terms on the way
 * are is the product of the matrices' absolute values, per side.
 */
function bound({ input, window, output }: Filter, channels: number): number {
  const size = (chain: readonly Matrix[]): number[] =>
    chain.reduce(
      (v, x) => absolute(x).map((row) => row.reduce((s, c, k) => s + c * v[k], 0)),
      chain[0][0].map(() => 1),
    );
  const [d, g] = [size(input), size([window])];
  const sums = output.reduce(
    (v, x) => absolute(x).map((row) => row.reduce((s, c, k) => s + c * v[k], 0)),
    d.map((x, i) => x * g[i]),
  );
  const growth = Math.max(...sums) ** 2;
  // Per side 3 terms with factors, then 2 terms, on the way in; 2, then 4 with factors, on the way out; the epilogue.
  const roundings = 2 * (3 + 1) + 1 + (channels + 1) + 2 * (1 + 4) + 3;
  return ((roundings * UNIT) / (1 - roundings * UNIT)) * (growth * 2 * (channels / (9 * channels)) + 3);
}

/** The first result that is further off than what follows from the nets' layers; null when all are near. */
function furthest(
  nets: readonly Net[],
  got: readonly TensorData[],
  want: readonly TensorData[],
  f: Filter,
): string | null {
  const most = nets.map(({ input, layers }) => {
    const depths = layers.map(({ depth = 3 }) => (input.length > 4 ? depth : 1));
    const channels = [input[1], ...layers.slice(0, -1).map((l) => l.out)];
    return channels.reduce((s, c, i) => 2 * s + bound(f, c * depths[i]), 0);
  });
  for (const [k, { bytes, shape }] of want.entries()) {
    const [a, b] = [tensorValues(got[k]).map(Number), tensorValues(want[k]).map(Number)];
    const i = b.findIndex((x, j) => !(Math.abs(a[j] - x) <= Math.max(...most)));
    if (i >= 0)
      return `output ${k} [${shape}]: [${i}] of ${bytes.length / 4} is ${a[i]}, expected ${b[i]} within ${most}`;
  }
  return null;
}

/** Sums over a channel and two taps or more. */
const sliding = ({ steps }: TileProgram): number =>
  steps.filter((s) => s.kind === 'op' && (s.reduce?.axes.length ?? 0) > 2).length;

const missing = noCompiler();

describe.each(FILTERS)('convolutions by F($m×$m)', (f) => {
  const nets = [...NARROW, ...randomNets(12, 5 * f.m), ...deepNets(6, 7 * f.m)];
  const { tiles, feeds } = program(nets);
  const want = interpret(tiles, feeds, true);
  const filtered = fused(tiles, f);

  it('are legal, and all take it that slide along two axes', () => {
    expect(programProblems(filtered)).toEqual([]);
    expect(sliding(fused(tiles, null))).toBeGreaterThan(nets.length);
    expect(sliding(filtered)).toBe(NARROW.length);
  });

  it('agree with plain sums on the interpreter', () => {
    expect(furthest(nets, interpret(filtered, feeds), want, f)).toBeNull();
  });

  it.each(['wasm', 'c'])('agree with plain sums on %s', async (target) => {
    if (target === 'c' && missing) return;
    const executable = await (await nodeBackend(target)).build(filtered, DEFAULT_LIMITS, silent);
    expect(furthest(nets, executable.run(feeds), want, f)).toBeNull();
    executable.dispose();
  });
});

describe('the choice of a way to convolve', () => {
  const chosen = (net: Net): number =>
    sliding(fuse(layOut(program([net]).tiles), (steps) => minimalFilters(steps, device)));

  it.each<[string, Layer]>([
    ['strides', { out: 32, stride: 2 }],
    ['dilations', { out: 32, dilation: 2 }],
    ['groups', { out: 32, group: 2 }],
    ['depthwise convolutions', { out: 32, group: 32 }],
    ['other windows', { out: 32, kernel: 5 }],
    ['few channels', { out: 4 }],
  ])('leaves %s alone', (_, layer) => {
    expect(chosen({ input: [1, 32, 24, 24], layers: [layer] })).toBe(1);
    expect(chosen({ input: [1, 32, 4, 24, 24], layers: [layer] })).toBe(1);
  });

  it('takes filters for windows of three dimensions', () => {
    expect(chosen({ input: [1, 32, 4, 24, 24], layers: [{ out: 32 }] })).toBe(0);
  });

  it('takes filters where channels and extents are large, unless that is refused', async () => {
    const net = {
      input: [1, 32, 24, 24],
      layers: [
        { out: 32, bias: true },
        { out: 32, residual: true },
      ],
    };
    expect(chosen(net)).toBe(0);
    const { tiles, feeds } = program([net]);
    const run = async (options: { winograd?: boolean }): Promise<TensorData> => {
      const executable = await (await nodeBackend('wasm', options)).build(tiles, DEFAULT_LIMITS, silent);
      const [y] = executable.run(feeds);
      executable.dispose();
      return y;
    };
    const [fast, exact] = [await run({}), await run({ winograd: false })];
    expect(tensorValues(fast)).not.toEqual(tensorValues(exact));
    expect(furthest([net], [fast], [exact], FILTERS[1])).toBeNull();
  });
});
