// `tilewright bench MODEL`: times one model, beside other runtimes where asked: runs interleave after
// warm-up until the medians are steady, and ratios are quoted (above 1: Tilewright is faster).
import fs from 'node:fs';
import { Command } from 'commander';
import { feedType, isTensorValue, Plan, type RunValue } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import type { Model } from '../ir/graph.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import type { TensorData } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { TilewrightError } from '../support/errors.ts';
import { gatherInputs, type ShapeOptions } from './inputs.ts';
import { collect } from './options.ts';
import { loadPeer, type Peer } from './peers.ts';

interface Options extends ShapeOptions {
  target: string;
  threads: string;
  against?: string;
  json?: boolean;
  seconds: string;
  input: string[];
}
export interface PeerResult {
  readonly name: string;
  readonly version: string;
  readonly threads: number;
  readonly medianMs: number;
  readonly ratio: number;
}
export interface BenchResult {
  readonly model: string;
  readonly target: string;
  readonly threads: number;
  readonly compileMs: number;
  readonly loadMs: number;
  readonly firstRunMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly arenaBytes: number;
  readonly codeBytes: number;
  readonly against: readonly PeerResult[];
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('time a model, beside other runtimes where asked')
    .argument('<model>', 'ONNX file; inputs come from test_data_set_0 beside it, else random')
    .option('--target <target>', 'wasm, c or interpreter', 'wasm')
    .option('--threads <n>', 'threads of every runtime', '1')
    .option('--against <peers>', 'onnxruntime-node,onnxruntime-web')
    .option('--input <name=source>', 'FILE.npy, FILE.pb or random:SEED; repeatable', collect, [])
    .option('--shapes <shapes>', 'extents of inputs: name:1x3x224x224,…')
    .option('--dim <name=n>', 'value of a symbolic extent; repeatable', collect, [])
    .option('--seconds <s>', 'longest time to measure', '10')
    .option('--json', 'print as JSON')
    .action(async (file: string, options: Options) => {
      const result = await benchModel(file, options);
      if (options.json) console.log(JSON.stringify(result));
      else print(result);
    });
}

/** One thing that is timed. */
interface Contender {
  readonly run: () => Promise<void>;
  readonly times: number[];
}

const sorted = (xs: readonly number[]): number[] => [...xs].sort((a, b) => a - b);
const quantile = (xs: readonly number[], q: number): number =>
  sorted(xs)[Math.min(xs.length - 1, Math.floor(q * xs.length))];
const median = (xs: readonly number[]): number => quantile(xs, 0.5);

const ROUNDS = 5;
const STEADY = 0.02;

/** Half-way and full medians agree. */
function steady(c: Contender): boolean {
  if (c.times.length < 4 * ROUNDS) return false;
  const half = median(c.times.slice(0, c.times.length / 2));
  return Math.abs(median(c.times) / half - 1) < STEADY;
}

/** Interleaves rounds of all contenders until every median is steady or the time is used up. */
export async function measure(contenders: readonly Contender[], seconds: number): Promise<void> {
  const warmUntil = performance.now() + Math.min(2000, seconds * 200);
  for (let i = 0; i < 3 || (performance.now() < warmUntil && i < 200); i++) for (const c of contenders) await c.run();
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 2000; round++) {
    for (const c of contenders) {
      const started = performance.now();
      await c.run();
      c.times.push(performance.now() - started);
    }
    if ((round > ROUNDS && performance.now() > end) || contenders.every(steady)) return;
  }
}

async function benchModel(file: string, options: Options): Promise<BenchResult> {
  const threads = Number(options.threads);
  if (threads !== 1) throw new TilewrightError('USAGE', 'programs run on one lane', {}, 'Use --threads 1.');
  const started = performance.now();
  const model = readModel(file);
  const feeds = gatherInputs(model, file, options.input, options);
  const loadMs = performance.now() - started;
  const plan = new Plan(
    modelCompiler(model, await nodeBackend(options.target), DEFAULT_LIMITS),
    feeds.map((f) => f && feedType(f)),
  );
  const compileStart = performance.now();
  await plan.prepare();
  const compileMs = performance.now() - compileStart;
  const firstStart = performance.now();
  await plan.run(feeds);
  const firstRunMs = performance.now() - firstStart;
  const ours: Contender = {
    run: async () => {
      await plan.run(feeds);
    },
    times: [],
  };
  const peers = await loadPeers(options, file, threads);
  const named = nameFeeds(model, feeds);
  const theirs = peers.map((p) => ({ run: () => p.time(named), times: [] as number[] }));
  await measure([ours, ...theirs], Number(options.seconds));
  const medianMs = median(ours.times);
  const against = peers.map((p, i) => {
    const m = median(theirs[i].times);
    return { name: p.name, version: p.version, threads, medianMs: m, ratio: m / medianMs };
  });
  for (const p of peers) await p.release();
  const { arenaBytes, codeBytes } = figures(plan);
  plan.dispose();
  return {
    model: file,
    target: options.target,
    threads,
    compileMs,
    loadMs,
    firstRunMs,
    medianMs,
    p95Ms: quantile(ours.times, 0.95),
    arenaBytes,
    codeBytes,
    against,
  };
}

function figures(plan: Plan): { arenaBytes: number; codeBytes: number } {
  return {
    arenaBytes: Math.max(0, ...plan.executables.map((e) => e.arenaBytes)),
    codeBytes: plan.executables.reduce((n, e) => n + e.codeBytes, 0),
  };
}

async function loadPeers(options: Options, file: string, threads: number): Promise<Peer[]> {
  const names = (options.against ?? '').split(',').filter((n) => n !== '');
  const bytes = fs.readFileSync(file);
  return Promise.all(names.map((n) => loadPeer(n, file, bytes, { threads, optimise: true })));
}

function nameFeeds(model: Model, feeds: readonly (RunValue | null)[]): Record<string, TensorData> {
  return Object.fromEntries(
    model.graph.inputs.flatMap((v, i) => {
      const f = feeds[i];
      return f && isTensorValue(f) ? [[v.name, f]] : [];
    }),
  );
}

function print(r: BenchResult): void {
  const ms = (x: number): string => `${x.toFixed(x < 10 ? 3 : 1)} ms`;
  console.log(`${r.target}, ${r.threads} thread: median ${ms(r.medianMs)}, p95 ${ms(r.p95Ms)}`);
  console.log(`load ${ms(r.loadMs)}, compile ${ms(r.compileMs)}, first run ${ms(r.firstRunMs)}`);
  console.log(`arena ${r.arenaBytes} bytes, code ${r.codeBytes} bytes`);
  for (const a of r.against)
    console.log(`${a.name} ${a.version}: median ${ms(a.medianMs)}, ratio ${a.ratio.toFixed(2)}`);
}
