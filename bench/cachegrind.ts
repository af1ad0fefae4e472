// `npm run bench:cachegrind`: the bytes that joining saves, counted by a simulator of caches instead of by this compiler.
// One built network is compiled to C twice, with operators joined and apart, for AVX2 (what valgrind simulates); each
// program runs once under `valgrind --tool=cachegrind`, less a program that runs nothing. Prints the lines that the last
// level misses and those that the program itself counts. Needs valgrind and a C compiler.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { toTiles } from '../src/3-tile/from-graph.ts';
import { runsOf } from '../src/3-tile/statements.ts';
import type { Kernel, TaskProgram } from '../src/3-tile/task.ts';
import { type ScheduleOptions, schedule } from '../src/4-schedule/schedule.ts';
import { emitC } from '../src/5-codegen/targets/c/program.ts';
import { compileFlags, findToolchain } from '../src/6-runtime/toolchain.ts';
import { interpreterBackend } from '../src/backends/backend.ts';
import { modelCompiler, parseModel } from '../src/compile.ts';
import { namedDevice } from '../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../src/ir/limits.ts';
import { lowering } from '../src/lowering.ts';
import { silent } from '../src/observe.ts';
import { whyOf } from '../src/web/report/why.ts';
import { saveResult } from './machine.ts';
import { NETWORKS } from './networks/index.ts';

const LINE = 64;
/** Simulated caches: bytes, ways, bytes of a line. */
const CACHES = { D1: '32768,8,64', LL: '524288,8,64' };
const DEVICE = namedDevice('x86-avx2')!;

interface Count {
  /** What the program itself counts, bytes. */
  readonly own: number;
  /** Misses of the last level, in bytes of lines. */
  readonly simulated: number;
  readonly calls: number;
}

const MAIN = `#include <stdlib.h>
#include <string.h>
int tilewright_main(const unsigned char *, unsigned char *, unsigned char *const *);
int main(int argc, char **argv) {
  unsigned char *constants = aligned_alloc(64, CONSTANTS), *arena = aligned_alloc(64, ARENA);
  memset(constants, 0, CONSTANTS); memset(arena, 0, ARENA);
  return argc > 1 ? tilewright_main(constants, arena, 0) : 0;
}
`;

const aligned = (bytes: number): number => LINE * (1 + Math.ceil(bytes / LINE));

function build(tasks: TaskProgram, dir: string): string {
  const features = new Set(DEVICE.features);
  const sizes = [`-DCONSTANTS=${aligned(tasks.plan.constantBytes)}`, `-DARENA=${aligned(tasks.plan.arenaBytes)}`];
  const files = [...emitC(tasks, { exposeKernels: false, f16c: true, avx512: false }), MAIN].map((text, i) => {
    const file = path.join(dir, `u${i}.c`);
    fs.writeFileSync(file, text);
    return file;
  });
  const program = path.join(dir, 'program');
  const toolchain = findToolchain();
  const flags = compileFlags(toolchain, features).filter((f) => f !== '-shared');
  execFileSync(toolchain.path, [...flags, ...sizes, '-o', program, ...files, '-lm']);
  return program;
}

/** Bytes of lines that the last level reads from memory or writes to it first. */
function misses(program: string, dir: string, args: readonly string[]): number {
  const tool = ['--tool=cachegrind', '--cache-sim=yes', `--D1=${CACHES.D1}`, `--LL=${CACHES.LL}`];
  const file = path.join(dir, 'counts');
  execFileSync('valgrind', [...tool, `--cachegrind-out-file=${file}`, program, ...args], { stdio: 'ignore' });
  const text = fs.readFileSync(file, 'utf8');
  const events = /^events: (.*)$/m.exec(text)![1].split(' ');
  const counts = /^summary: (.*)$/m.exec(text)![1].split(' ').map(Number);
  return LINE * (counts[events.indexOf('DLmr')] + counts[events.indexOf('DLmw')]);
}

function count(model: Uint8Array, fuse: boolean): Count {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-cachegrind-'));
  try {
    const parsed = parseModel(model);
    const compiler = modelCompiler(parsed, interpreterBackend(silent), DEFAULT_LIMITS);
    const { segments } = compiler.specialise(parsed.graph.inputs.map((v) => v.type) as never, []);
    const moved = new Map<Kernel, number>();
    const made: ScheduleOptions['made'] = (k, how) => moved.set(k, whyOf(how, DEVICE).bytes.together);
    const tasks = schedule(toTiles(segments[0]), { device: DEVICE, lower: lowering, fuse, made });
    const runs = tasks.lanes.flatMap(runsOf);
    const program = build(tasks, dir);
    const simulated = misses(program, dir, ['run']) - misses(program, dir, []);
    return { own: runs.reduce((n, r) => n + (moved.get(r.kernel) ?? 0), 0), simulated, calls: runs.length };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

function main(o: { network: string; save: boolean }): void {
  const make = { ...NETWORKS.built, ...NETWORKS.attention }[o.network];
  const model = make().model.toBytes();
  const [joined, apart] = [count(model, true), count(model, false)];
  const ratio = { own: apart.own / joined.own, simulated: apart.simulated / joined.simulated };
  const line = (name: string, c: Count): string =>
    `${name.padEnd(8)} ${c.calls} calls  counted ${mib(c.own)} MiB  simulated ${mib(c.simulated)} MiB`;
  console.log([line('joined', joined), line('apart', apart)].join('\n'));
  console.log(`apart over joined: counted ${ratio.own.toFixed(2)}, simulated ${ratio.simulated.toFixed(2)}`);
  if (!o.save) return;
  const tool = execFileSync('valgrind', ['--version'], { encoding: 'utf8' }).trim();
  saveResult({
    suite: 'cachegrind',
    network: o.network,
    device: DEVICE.name,
    tool,
    caches: CACHES,
    joined,
    apart,
    ratio,
  });
}

new Command('bench:cachegrind')
  .option('--network <name>', 'a network of bench/networks', 'inverted-residuals')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parse();
