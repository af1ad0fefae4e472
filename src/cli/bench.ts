// `tilewright bench MODEL`: times one model, beside other runtimes where asked: runs interleave after warm-up until the
// medians are steady, and ratios are quoted (above 1: Tilewright is faster).
import fs from 'node:fs';
import type { Command } from 'commander';
import { figuresOf } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { planFor } from '../compile.ts';
import { readModel } from '../node.ts';
import { gatherInputs } from './inputs.ts';
import { modelCommand, type Options, report } from './options.ts';
import { loadPeer, nameFeeds } from './peers.ts';

type BenchOptions = Options & { seconds: string };

export function benchCommand(): Command {
  const tuning = ['device', 'measure', 'threads', 'revectorize'] as const;
  const shared = ['target', ...tuning, 'against', 'input', 'shapes', 'dim', 'json'] as const;
  const about = 'time a model on test_data_set_0 beside it or random data, beside other runtimes where asked';
  return modelCommand('bench', about, shared)
    .option('--seconds <s>', 'longest time to measure', '10')
    .action(async (file: string, options: BenchOptions) => report(await benchModel(file, options), options, print));
}

/** One thing that is timed. */
type Contender = Readonly<{ run: () => Promise<unknown>; times: number[] }>;

const quantile = (xs: readonly number[], q: number): number =>
  [...xs].sort((a, b) => a - b)[Math.min(xs.length - 1, Math.floor(q * xs.length))];
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
async function measure(contenders: readonly Contender[], seconds: number): Promise<void> {
  const warmUntil = performance.now() + Math.min(2000, seconds * 200);
  for (let i = 0; i < 3 || (performance.now() < warmUntil && i < 200); i++) for (const c of contenders) await c.run();
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 2000; round++) {
    for (const c of contenders) c.times.push((await timed(c.run))[1]);
    if ((round > ROUNDS && performance.now() > end) || contenders.every(steady)) return;
  }
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const started = performance.now();
  const result = await work();
  return [result, performance.now() - started];
}

async function benchModel(file: string, options: BenchOptions) {
  const { target } = options;
  const threads = Number(options.threads);
  const [model, loadMs] = await timed(() => readModel(file));
  const feeds = gatherInputs(model, file, options);
  const plan = planFor(model, await nodeBackend(target, options), feeds);
  const [, compileMs] = await timed(() => plan.prepare());
  const [, firstRunMs] = await timed(() => plan.run(feeds));
  const times: number[] = [];
  const names = (options.against ?? '').split(',').filter((n) => n !== '');
  const bytes = fs.readFileSync(file);
  const peers = await Promise.all(names.map((n) => loadPeer(n, file, bytes, { threads, optimise: true })));
  const named = peers.length > 0 ? nameFeeds(model, feeds) : {};
  const theirs = peers.map((p): Contender => ({ run: () => p.time(named), times: [] }));
  await measure([{ run: () => plan.run(feeds), times }, ...theirs], Number(options.seconds));
  const medianMs = median(times);
  const against = peers.map(({ name, version }, i) => {
    const m = median(theirs[i].times);
    return { name, version, medianMs: m, ratio: m / medianMs };
  });
  for (const p of peers) await p.release();
  const { arenaBytes, codeBytes } = figuresOf(plan.executables);
  plan.dispose();
  const ours = { compileMs, loadMs, firstRunMs, medianMs, p95Ms: quantile(times, 0.95), arenaBytes, codeBytes };
  return { model: file, target, threads, ...ours, against };
}

function print(r: Awaited<ReturnType<typeof benchModel>>): void {
  const ms = (x: number): string => `${x.toFixed(x < 10 ? 3 : 1)} ms`;
  console.log(`${r.target}, ${r.threads} thread: median ${ms(r.medianMs)}, p95 ${ms(r.p95Ms)}`);
  console.log(`load ${ms(r.loadMs)}, compile ${ms(r.compileMs)}, first run ${ms(r.firstRunMs)}`);
  console.log(`arena ${r.arenaBytes} bytes, code ${r.codeBytes} bytes`);
  for (const { name, version, medianMs, ratio } of r.against)
    console.log(`${name} ${version}: median ${ms(medianMs)}, ratio ${ratio.toFixed(2)}`);
}
