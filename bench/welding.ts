// `npm run bench:welding`: every model with operators joined beside the same compiler with joining switched off, at one
// thread on one target: time, calls of kernels, and bytes that they move to and from tensors others see. Writes
// bench/results/welding-TARGET.json. Ratios above 1 mean that joining is better. Apart, convolutions are plain sums; with
// --no-winograd they are on both sides, so that nothing but joining differs: welding-TARGET-sums.json.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { resetExprs } from '../src/3-tile/expr.ts';
import { runsOf } from '../src/3-tile/statements.ts';
import type { Kernel, TaskProgram } from '../src/3-tile/task.ts';
import { type ScheduleOptions, schedule } from '../src/4-schedule/schedule.ts';
import { makeArtifact } from '../src/6-runtime/artifact.ts';
import type { Plan } from '../src/6-runtime/plan.ts';
import type { Backend } from '../src/backends/backend.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { planFor } from '../src/compile.ts';
import { lowering } from '../src/lowering.ts';
import { whyOf } from '../src/web/report/why.ts';
import { DATA } from '../test/conformance/data.ts';
import { MACHINE, saveResult } from './machine.ts';
import { geomean, median, timed } from './statistics.ts';
import { available, type Subject, subject } from './subject.ts';

/** One way to compile: median ms, kernels that one run calls, bytes that they move, bytes of the arena. */
type Way = Record<'ms' | 'calls' | 'bytes' | 'arenaBytes', number>;

export interface WeldingRow {
  readonly name: string;
  readonly joined: Way | null;
  readonly apart: Way | null;
  readonly error?: string;
}

/** What is written. */
export interface WeldingResult {
  readonly suite: string;
  readonly cpu: string;
  /** Of apart over joined. */
  readonly geomean: Way;
  readonly rows: readonly WeldingRow[];
}

interface Options {
  readonly target: string;
  readonly filter: string;
  readonly seconds: string;
  readonly winograd: boolean;
  readonly save: boolean;
}

/** The backend with operators joined or apart, which adds what its programs have and move to `way`. */
function counting(backend: Backend, switches: Pick<ScheduleOptions, 'fuse' | 'winograd'>, way: Way): Backend {
  const { machine, launch } = backend;
  const { device, target, features } = machine!;
  return {
    ...backend,
    build: async (program) => {
      const moved = new Map<Kernel, number>();
      const made: ScheduleOptions['made'] = (kernel, how) => moved.set(kernel, whyOf(how, device).bytes.together);
      const tasks: TaskProgram = schedule(program, { device, lower: lowering, ...switches, made });
      const runs = tasks.lanes.flatMap(runsOf);
      for (const { kernel } of runs) way.bytes += moved.get(kernel) ?? 0;
      way.calls += runs.length;
      way.arenaBytes = Math.max(way.arenaBytes, tasks.plan.arenaBytes);
      return launch!(makeArtifact(tasks, await target.emit(tasks, { features })));
    },
  };
}

async function prepared(s: Subject, backend: Backend): Promise<Plan> {
  const plan = planFor(s.model, backend, s.feeds);
  await plan.run(s.feeds);
  resetExprs();
  return plan;
}

async function compare(s: Subject, backend: Backend, { seconds, winograd }: Options): Promise<readonly [Way, Way]> {
  const ways = [true, false].map((): Way => ({ ms: 0, calls: 0, bytes: 0, arenaBytes: 0 }));
  const plans = [
    await prepared(s, counting(backend, { fuse: true, winograd }, ways[0])),
    await prepared(s, counting(backend, { fuse: false, winograd }, ways[1])),
  ];
  const times: number[][] = plans.map(() => []);
  const end = performance.now() + 1000 * Number(seconds);
  for (let round = 0; round < 3 || (performance.now() < end && round < 500); round++) {
    for (const [i, plan] of plans.entries()) times[i].push(await timed(() => plan.run(s.feeds)));
  }
  for (const [i, plan] of plans.entries()) {
    ways[i].ms = median(times[i]);
    plan.dispose();
  }
  return [ways[0], ways[1]];
}

async function measured(group: string, name: string, o: Options, backend: Backend): Promise<WeldingRow> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-model-'));
  try {
    const s = subject({ group, name, dir, ...(DATA ? { data: DATA } : {}) });
    const [joined, apart] = await compare(s, backend, o);
    return { name: `${group}/${name}`, joined, apart };
  } catch (error) {
    const reason = String((error as Error).message).split('\n')[0];
    return { name: `${group}/${name}`, joined: null, apart: null, error: reason };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const FIGURES = ['ms', 'calls', 'bytes', 'arenaBytes'] as const;

/** Geometric means of apart over joined. */
function means(rows: readonly WeldingRow[]): Way {
  const both = rows.filter((r) => r.joined && r.apart);
  const mean = (f: (typeof FIGURES)[number]): number => geomean(both.map((r) => r.apart![f] / r.joined![f]));
  return Object.fromEntries(FIGURES.map((f) => [f, mean(f)])) as Way;
}

function line({ name, joined, apart, error }: WeldingRow): string {
  if (!joined || !apart) return `${name.padEnd(36)} ${error}`;
  const figures = [
    `${joined.ms.toFixed(2)} against ${apart.ms.toFixed(2)} ms: ${(apart.ms / joined.ms).toFixed(2)}`,
    `calls ${joined.calls} against ${apart.calls}`,
    `${(joined.bytes / 2 ** 20).toFixed(1)} against ${(apart.bytes / 2 ** 20).toFixed(1)} MiB`,
  ];
  return `${name.padEnd(36)} ${figures.join('  ')}`;
}

async function main(o: Options): Promise<void> {
  const backend = await nodeBackend(o.target);
  const rows: WeldingRow[] = [];
  for (const [group, name] of available().filter(([g, n]) => new RegExp(o.filter).test(`${g}/${n}`))) {
    const row = await measured(group, name, o, backend);
    rows.push(row);
    console.log(line(row));
  }
  const mean = means(rows);
  console.log(`geometric means, apart over joined: ${FIGURES.map((f) => `${f} ${mean[f].toFixed(2)}`).join(', ')}`);
  if (!o.save) return;
  const suite = `welding-${o.target}${o.winograd ? '' : '-sums'}`;
  saveResult({ suite, ...MACHINE, threads: 1, geomean: mean, rows });
}

await new Command('bench:welding')
  .option('--target <target>', 'c or wasm', 'wasm')
  .option('--filter <regex>', 'only models whose group/name matches', '^(built|structures)/')
  .option('--seconds <s>', 'time per model', '1')
  .option('--no-winograd', 'convolutions as plain sums when joined, as they are apart')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parseAsync();
