// What the C compiler makes of the hottest loops: no value leaves its register in between, and as many multiply-adds per
// load as the register tile implies. Read from objdump's listing of the compiled library.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OP_CASES } from '../../bench/op-cases.ts';
import { pointsOf } from '../../src/3-tile/tile-op.ts';
import { rankedTiles } from '../../src/4-schedule/roller/choose.ts';
import { extentIn, type Tile } from '../../src/4-schedule/roller/tile.ts';
import type { ScheduleOptions } from '../../src/4-schedule/schedule.ts';
import { UNIT_SEPARATOR } from '../../src/5-codegen/targets/c/index.ts';
import { feedType } from '../../src/6-runtime/plan.ts';
import { compileFlags, cpuFeatures, findToolchain, runCompiler } from '../../src/6-runtime/toolchain.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { compileProgram } from '../../src/compile.ts';
import { readModel } from '../../src/node.ts';
import { noCompiler, privateDirectory } from './harness.ts';

/** Why listings cannot be read here, or null. */
function unreadable(): string | null {
  const missing = noCompiler();
  if (missing) return missing;
  if (!cpuFeatures().has('fma')) return 'this CPU has no fma of x86';
  try {
    execFileSync('objdump', ['--version']);
    return null;
  } catch {
    return 'objdump is not installed';
  }
}

const CODE = /^\s*([0-9a-f]+):\s+(.*)$/;
const JUMP = /^j\w+\s+([0-9a-f]+)/;

/** Instructions of every loop that holds no other loop, by the jumps back. */
function innermostLoops(listing: string): string[][] {
  const code = listing.split('\n').flatMap((line) => {
    const m = CODE.exec(line);
    return m ? [{ at: Number.parseInt(m[1], 16), text: m[2] }] : [];
  });
  const places = new Map(code.map(({ at }, i) => [at, i]));
  const loops = code.flatMap(({ at, text }, end): [number, number][] => {
    const to = Number.parseInt(JUMP.exec(text)?.[1] ?? '', 16);
    return to <= at && places.has(to) ? [[places.get(to)!, end]] : [];
  });
  const holds = ([a, b]: [number, number], [c, d]: [number, number]): boolean => a <= c && d <= b && b - a > d - c;
  const inner = loops.filter((l) => !loops.some((m) => holds(l, m)));
  return inner.map(([a, b]) => code.slice(a, b + 1).map((c) => c.text));
}

const isFma = (text: string): boolean => /^vf(n?)m(add|sub)\d+ps/.test(text);
/** The last operand is where results go, so memory before it is read. */
const isLoad = (text: string): boolean => /^v\w+\s.*\(.*\).*,%[xyz]mm\d+/.test(text);
const onStack = (text: string): boolean => /\(%rsp/.test(text);

/** The program's listing, and the tile of the operator that computes most. */
async function compiled(name: string): Promise<{ listing: string; tile: Tile }> {
  const c = OP_CASES.get(name)!();
  const model = readModel(c.bytes);
  const backend = await nodeBackend('c');
  let most = { work: 0, tile: null as Tile | null };
  const choose: NonNullable<ScheduleOptions['choose']> = (op, device, origins) => {
    const { tile } = rankedTiles(op, device, origins)[0];
    const work = pointsOf([...op.axes, ...(op.reduce?.axes ?? [])]);
    if (work > most.work) most = { work, tile };
    return tile;
  };
  const types = model.graph.inputs.map((v) => feedType(c.feeds[v.name]));
  const { artifact } = await compileProgram(model, types, { ...backend.machine!, winograd: false, choose }, backend);
  const home = privateDirectory();
  try {
    const units = new TextDecoder().decode(artifact.code.bytes).split(UNIT_SEPARATOR);
    const files = units.map((_, i) => `p${i}.c`);
    for (const [i, unit] of units.entries()) writeFileSync(join(home.path, files[i]), unit);
    const toolchain = findToolchain();
    const flags = compileFlags(toolchain, cpuFeatures());
    await runCompiler(toolchain, [...flags, '-shared', '-o', 'p.so', ...files, '-lm'], home.path);
    const options = { encoding: 'utf8', maxBuffer: 1 << 28, cwd: home.path } as const;
    return { listing: execFileSync('objdump', ['-d', '--no-show-raw-insn', 'p.so'], options), tile: most.tile! };
  } finally {
    home.remove();
  }
}

/** Multiply-adds per load of a step that loads each row and each vector of its tile once. */
function implied(tile: Tile): number {
  const vectors = extentIn(tile, tile.vector!) / tile.lanes;
  const spatial = [...tile.extents].filter(([a]) => a !== tile.vector && a.role === 'spatial');
  const rows = spatial.reduce((n, [, extent]) => n * extent, 1);
  return (rows * vectors) / (rows + vectors);
}

const reason = unreadable();
describe.skipIf(reason)(`hottest loops as the C compiler leaves them${reason ? `: ${reason}` : ''}`, () => {
  for (const name of ['mm512c', 'c3x3_64_56']) {
    it(`${name}: values stay in registers, and loads are shared`, async () => {
      const { listing, tile } = await compiled(name);
      const hot = innermostLoops(listing).filter((l) => l.filter(isFma).length >= 8);
      expect(hot.length).toBeGreaterThan(0);
      for (const loop of hot) expect(loop.filter(onStack)).toEqual([]);
      const ratios = hot.map((l) => l.filter(isFma).length / l.filter(isLoad).length);
      expect(Math.max(...ratios)).toBeGreaterThanOrEqual(implied(tile));
    }, 60_000);
  }
});
