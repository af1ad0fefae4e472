// Measuring: the fastest of the tiles and of the ways to join operators that rank first is taken, equal operators are
// measured once, what was measured before is not measured again, and results stay what they are; wrong wishes are refused.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { exp, load, mul, sub } from '../../src/3-tile/expr.ts';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import type { TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { rankedTiles } from '../../src/4-schedule/roller/choose.ts';
import { type Made, schedule } from '../../src/4-schedule/schedule.ts';
import type { ChooseWay, Joint } from '../../src/4-schedule/welder/weld.ts';
import type { Artifact } from '../../src/6-runtime/artifact.ts';
import type { Launch } from '../../src/backends/backend.ts';
import { type Kept, measuring } from '../../src/backends/measure.ts';
import { type NodeTarget, nodeBackend } from '../../src/backends/node.ts';
import { compileProgram } from '../../src/compile.ts';
import { readModel, Session, Tensor } from '../../src/index.ts';
import { tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import type { KernelWhy } from '../../src/web/report/why.ts';
import { printKernel } from '../../src/web/text/print.ts';
import { noCompiler } from '../c/harness.ts';

const DIGITS = join(ROOT, 'examples/digits/digits.onnx');
const TIMEOUT = 120_000;

const TARGETS: readonly NodeTarget[] = ['wasm', ...(noCompiler() ? [] : (['c'] as const))];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tilewright-measure-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Products with constant matrices one after another, all of one structure and all seen outside: they stay apart. */
function products(layers: number): TileProgram {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [96, 96], 'input');
  const outputs: TileTensor[] = [];
  let y: TileTensor = x;
  for (let n = 0; n < layers; n++) {
    const values = Array.from({ length: 96 * 96 }, (_, i) => ((i * (n + 3)) % 17) / 17 - 0.5);
    const w = newTensor(`w${n}`, 'f32', [96, 96], 'constant', { data: tensorOf('f32', [96, 96], values) });
    const from = y;
    b.place = { node: `layer ${n}`, op: n > 0 ? 'Next' : 'First' };
    y = b.reduce('f32', [96, 96], [96], sum('f32'), ([i, j], [k]) => mul(load(from, [i, k]), load(w, [k, j])));
    y.role = 'output';
    outputs.push(y);
  }
  return { inputs: [x], outputs, steps: b.steps, checks: [] };
}

/** A device on which a turn of the work at a position takes so many milliseconds, by a clock of its own. */
function fakeDevice(costs: readonly number[]): { launch: Launch; launched: Artifact[] } {
  const launched: Artifact[] = [];
  let now = 0;
  vi.spyOn(process, 'cpuUsage').mockImplementation(() => ({ user: 1000 * now, system: 0 }));
  const launch: Launch = async (artifact) => {
    launched.push(artifact);
    const run = (feeds: Parameters<Awaited<ReturnType<Launch>>['run']>[0]): [] => {
      feeds.slice(0, -1).forEach((t, i) => {
        now += Number(tensorValues(t)[0]) * (costs[i] ?? 1);
      });
      return [];
    };
    return { arenaBytes: 0, codeBytes: 0, kernels: 0, run, dispose: () => {} };
  };
  return { launch, launched };
}

async function measured(costs: readonly number[], kept: Kept = new Map(), layers = 3) {
  const machine = (await nodeBackend('wasm')).machine!;
  const { launch, launched } = fakeDevice(costs);
  const { measure } = measuring(costs.length, launch, kept);
  const { taking, timesOf } = await measure!(products(layers), machine);
  const made: Made[] = [];
  const { device } = machine;
  const program = products(layers);
  schedule(program, { device, lower: lowering, ...taking, made: (_, how) => made.push(how) });
  const { tiled, around } = made.find((m) => m.tiled.some(({ op }) => timesOf(op, m.around)))!;
  const { op, tile } = tiled.find((t) => timesOf(t.op, around))!;
  const tiles = rankedTiles(op, device, around).map((r) => JSON.stringify([...r.tile.extents.values(), r.tile.order]));
  const rank = tiles.indexOf(JSON.stringify([...tile.extents.values(), tile.order]));
  return { rank, launched, times: timesOf(op, around)! };
}

describe('measured tiles', () => {
  it('are the fastest of those that rank first, measured once for equal operators', async () => {
    const { rank, launched, times } = await measured([3, 2, 1.5, 2.5]);
    expect(times).toEqual([3, 2, 1.5, 2.5]);
    expect(rank).toBe(2);
    // One program with a kernel per tile, and what fills memory.
    expect(launched.map((a) => a.kernels)).toEqual([5]);
  });

  it('are those of the cost model where others gain next to nothing', async () => {
    expect((await measured([2, 1.99, 2.5, 2])).rank).toBe(0);
  });

  it('are measured once for all compiles that keep them', async () => {
    const kept = new Map<string, string>();
    expect((await measured([3, 2], kept)).launched.length).toBe(1);
    expect(kept.size).toBe(1);
    const again = await measured([3, 4], kept, 2);
    expect(again.launched).toEqual([]);
    expect(again.rank).toBe(1);
    // Another number of tiles is another question.
    expect((await measured([1, 4, 5], kept)).launched.length).toBe(1);
  });
});

/** Rows less their largest element, times the sum of that: operators that are joined row by row. */
function rows(count: number, length: number): TileProgram {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [count, length], 'input');
  const most = b.reduce('f32', [count], [length], maximum('f32'), ([i], [r]) => load(x, [i, r]));
  const less = b.map('f32', [count, length], ([i, j]) => exp(sub(load(x, [i, j]), load(most, [i]))));
  const all = b.reduce('f32', [count], [length], sum('f32'), ([i], [r]) => load(less, [i, r]));
  const y = b.map('f32', [count, length], ([i, j]) => mul(load(less, [i, j]), load(all, [i])));
  y.role = 'output';
  return { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
}

describe('measured ways to join operators', () => {
  const kernelsOf = ({ kernels }: TaskProgram): string[] => kernels.map(printKernel);

  async function joined(costs: readonly number[], kept: Kept = new Map(), program = rows(1024, 1024)) {
    const machine = (await nodeBackend('wasm')).machine!;
    const { device } = machine;
    const { launch, launched } = fakeDevice(costs);
    const { taking, waysOf } = await measuring(4, launch, kept).measure!(program, machine);
    const by = (join: ChooseWay): string[] =>
      kernelsOf(schedule(program, { device, lower: lowering, ...taking, join }));
    const joints: Joint[] = [];
    const model = by((joint) => {
      joints.push(joint);
      return joint.ways[0];
    });
    return { launched, joints, waysOf, by, model, kernels: by(taking.join) };
  }

  it('are the fastest of those that rank first, and the welder takes them', async () => {
    const { joints, waysOf, by, model, kernels, launched } = await joined([3, 2, 2.5, 4]);
    expect(joints.length).toBe(1);
    const { ways, ms, taken } = waysOf(joints[0]);
    expect(ways.slice(0, ms!.length)).toEqual(joints[0].ways.slice(0, ms!.length));
    expect(ms).toEqual([3, 2, 2.5, 4].slice(0, ways.length));
    expect(ms!.length).toBeGreaterThan(2);
    expect(taken).toBe(ways[1]);
    expect(kernels).toEqual(by((joint) => joint.ways[1]));
    expect(kernels).not.toEqual(model);
    // First the ways, then the tiles of what is taken.
    expect(launched.length).toBe(2);
  });

  it('are those of the cost model where others gain next to nothing', async () => {
    const { model, kernels } = await joined([2, 1.99, 2.5, 1.95]);
    expect(kernels).toEqual(model);
  });

  it('are measured once for all compiles that keep them', async () => {
    const kept = new Map<string, string>();
    const first = await joined([3, 2], kept);
    const again = await joined([1, 9], kept);
    expect(again.launched).toEqual([]);
    expect(again.kernels).toEqual(first.kernels);
    expect(again.kernels).not.toEqual(again.model);
    // Operators of other extents are others.
    expect((await joined([3, 2], kept, rows(1024, 512))).launched.length).toBe(2);
  });

  it('are left to the cost model where too much memory or time would go by', async () => {
    const kept = new Map<string, string>();
    expect((await joined([3, 2], kept, rows(2 ** 14, 2 ** 14))).launched).toEqual([]);
    expect(kept.size).toBe(0);
  });

  it('all mean the same', async () => {
    const length = 600;
    const program = rows(120, length);
    const { device } = (await nodeBackend('wasm')).machine!;
    const values = Array.from({ length: 120 * length }, (_, i) => ((i * 7) % 31) / 8);
    const feeds = [tensorOf('f32', [120, length], values)];
    const [want] = interpret(program, feeds).map(tensorValues);
    let count = 1;
    for (let nth = 0; nth < count; nth++) {
      const join: ChooseWay = ({ ways }) => {
        count = ways.length;
        return ways[nth];
      };
      const [got] = interpretTasks(schedule(program, { device, lower: lowering, join }), feeds).map(tensorValues);
      // A sum of 40 positive numbers in another order is off by 40 roundings at most, and its product by one more.
      const off = want.map((w, i) => Math.abs(Number(got[i]) - Number(w)));
      expect(off.every((d) => d < 41 * 2 ** -24 * 40)).toBe(true);
    }
    expect(count).toBeGreaterThan(4);
  });
});

describe.each(TARGETS)('measuring on %s', (target) => {
  const picture = new Tensor(
    'float32',
    Float32Array.from({ length: 784 }, (_, i) => (i % 28) / 28),
    [1, 1, 28, 28],
  );
  const entries = (): string[] => readdirSync(directory).sort();

  async function scores(measure: number): Promise<number[]> {
    const session = await Session.create(DIGITS, { target, measure });
    const { probabilities } = await session.run({ picture });
    await session.release();
    return Array.from(probabilities.data as Float32Array);
  }

  it('keeps the results, and what it measured', { timeout: TIMEOUT }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const plain = await scores(0);
    const before = entries().length;
    const first = await scores(3);
    for (const [i, p] of first.entries()) expect(Math.abs(p - plain[i])).toBeLessThan(1e-5);
    const after = entries();
    expect(after.length).toBeGreaterThan(before);
    expect(await scores(3)).toEqual(first);
    expect(entries()).toEqual(after);
  });

  it('gives the same bytes again, and without it those of before', { timeout: TIMEOUT }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const code = async (options: { measure?: number }): Promise<string> => {
      const backend = await nodeBackend(target, options);
      const types = [{ kind: 'tensor', dtype: 'f32', shape: [1, 1, 28, 28] } as const];
      const { artifact } = await compileProgram(readModel(DIGITS), types, backend.machine!, backend);
      return Buffer.from(artifact.code.bytes).toString('base64');
    };
    expect(await code({ measure: 3 })).toBe(await code({ measure: 3 }));
    expect(await code({ measure: 0 })).toBe(await code({}));
  });
});

describe('wishes', () => {
  it.each([-1, 1.5, 65, Number.NaN])('for %s tiles are refused', async (measure) => {
    await expect(nodeBackend('wasm', { measure })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('are refused where nothing runs what is compiled', async () => {
    await expect(nodeBackend('interpreter', { measure: 2 })).rejects.toThrow(/measuring needs the device/);
  });
});

const tilewright = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), ...args], { encoding: 'utf8' });

describe('explain', () => {
  const args = ['explain', DIGITS, '--dim', 'batch=1'];

  it('has the tiles that rank first, and their times where they are measured', { timeout: TIMEOUT }, () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const plain = tilewright(...args);
    expect(plain.stdout).toMatch(/^ +\* \d+ cycles: s0 /m);
    expect(plain.stdout).not.toContain('µs');
    const timed = tilewright(...args, '--measure', '2');
    expect(timed.stdout).toMatch(/^ +\* \d+ cycles, \d+\.\d µs: /m);
    const [{ kernels }] = JSON.parse(tilewright(...args, '--measure', '2', '--json').stdout);
    for (const { why } of kernels) {
      for (const { candidates } of why?.tiles ?? []) {
        expect(candidates.filter((c: { taken: boolean }) => c.taken).length).toBe(1);
      }
    }
  });

  it('has the ways to join operators, one of them taken, in the text and on the page', { timeout: TIMEOUT }, () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const page = join(directory, 'page.html');
    const timed = [...args, '--measure', '3'];
    expect(tilewright(...args).stdout).toMatch(/operators per kernel:\n +\* \d+ cycles: \d+ \(axis \d+ by \d+\)/);
    expect(tilewright(...timed).stdout).toMatch(/operators per kernel:\n.* \d+ cycles, \d+\.\d µs: \d+ \(axis/);
    const [{ kernels }] = JSON.parse(tilewright(...timed, '--json').stdout);
    const tried = kernels.flatMap((k: { why: KernelWhy | null }) => (k.why?.joins.length ? [k.why.joins] : []));
    expect(tried.length).toBeGreaterThan(0);
    for (const joins of tried) expect(joins.filter((j: KernelWhy['joins'][number]) => j.taken).length).toBe(1);
    expect(tilewright(...timed, '--html', page).status).toBe(0);
    expect(readFileSync(page, 'utf8')).toMatch(/operators per kernel.*\d µs/);
  });

  it('refuses what is no number', () => {
    const { status, stderr } = tilewright(...args, '--measure', 'two');
    expect(status).toBe(2);
    expect(stderr).toMatch(/cannot measure NaN alternatives/);
  });
});
