// `npm run bench:ops`: every single-operator case on one target beside a peer at one thread, interleaved in one
// process, with the arithmetic peak measured between; `--suite roller`: Roller's 119 operators at a batch. Writes
// bench/results/ops-TARGET.json, or -TARGET-roller-BATCH. Ratios above 1 mean that Tilewright is faster.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { feedType, Plan } from '../src/6-runtime/plan.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { loadPeer } from '../src/cli/peers.ts';
import { modelCompiler } from '../src/compile.ts';
import { DEFAULT_LIMITS } from '../src/ir/limits.ts';
import { readModel } from '../src/node.ts';
import { MACHINE, saveResult } from './machine.ts';
import { OP_CASES, type OpCase } from './op-cases.ts';
import { peakMeter } from './peak.ts';
import { bytesOf, opCase, rollerCases } from './roller-cases.ts';
import { geomean, median, timed } from './statistics.ts';

const PEER: Readonly<Record<string, string>> = { c: 'onnxruntime-node', wasm: 'onnxruntime-web' };

interface Row {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  /** GFLOP/s and share of the adjacent peak, or GB/s. */
  readonly rate: number;
  readonly unit: 'GFLOP/s' | 'GB/s';
  readonly ofPeak: number | null;
  readonly buildMs: number;
}

async function runCase(c: OpCase, target: string, peak: () => number, seconds: number, dir: string): Promise<Row> {
  const file = path.join(dir, `${c.name}.onnx`);
  fs.writeFileSync(file, c.bytes);
  const model = readModel(c.bytes);
  const feeds = model.graph.inputs.map((v) => c.feeds[v.name] ?? null);
  const plan = new Plan(
    modelCompiler(model, await nodeBackend(target), DEFAULT_LIMITS),
    feeds.map((f) => f && feedType(f)),
  );
  const buildMs = await timed(() => plan.prepare());
  const peer = await loadPeer(PEER[target], file, c.bytes, { threads: 1, optimise: true });
  const [ours, theirs, peaks]: number[][] = [[], [], []];
  for (let i = 0; i < 3; i++) await Promise.all([plan.run(feeds), peer.time(c.feeds)]);
  const end = performance.now() + seconds * 1000;
  for (let i = 0; i < 5 || (performance.now() < end && i < 400); i++) {
    ours.push(await timed(() => plan.run(feeds)));
    theirs.push(await timed(() => peer.time(c.feeds)));
    peaks.push(peak());
  }
  await peer.release();
  plan.dispose();
  const [o, t, p] = [median(ours), median(theirs), median(peaks)];
  const flop = c.flops > 0;
  const rate = (flop ? c.flops : c.moved) / o / 1e6;
  return {
    name: c.name,
    ours: o,
    theirs: t,
    ratio: t / o,
    rate,
    unit: flop ? 'GFLOP/s' : 'GB/s',
    ofPeak: flop ? rate / p : null,
    buildMs,
  };
}

/** Models of more bytes, and products of more arithmetic, are left out: they take gigabytes or minutes. */
const MOST = { bytes: 2 ** 28, flops: 1e11 };

interface Options {
  readonly target: string;
  readonly suite: string;
  readonly batch: string;
  readonly filter?: string;
  readonly seconds: string;
  readonly save: boolean;
}

function casesOf({ suite, batch }: Options): Iterable<readonly [string, () => OpCase]> {
  if (suite === 'limits') return OP_CASES;
  const fitting = rollerCases(Number(batch)).filter((c) => bytesOf(c) <= MOST.bytes && c.flops <= MOST.flops);
  return fitting.map((c) => [c.name, () => opCase(c)] as const);
}

async function main(o: Options): Promise<void> {
  const { machine } = await nodeBackend(o.target);
  const peak = await peakMeter(machine!);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-bench-'));
  const rows: Row[] = [];
  for (const [name, make] of casesOf(o)) {
    if (o.filter && !new RegExp(o.filter).test(name)) continue;
    const row = await runCase(make(), o.target, peak, Number(o.seconds), dir);
    rows.push(row);
    const share = row.ofPeak === null ? '' : `${(100 * row.ofPeak).toFixed(0)} % of peak`;
    console.log(
      `${name.padEnd(18)} ${row.ours.toFixed(3).padStart(9)} ms  ${row.rate.toFixed(1).padStart(7)} ${row.unit.padEnd(8)} ${share.padEnd(14)} ratio ${row.ratio.toFixed(2)}  build ${row.buildMs.toFixed(0)} ms`,
    );
  }
  fs.rmSync(dir, { recursive: true });
  const summary = geomean(rows.map((r) => r.ratio));
  console.log(`${rows.length} cases, geometric mean ratio ${summary.toFixed(2)}`);
  if (!o.save) return;
  const suite = `ops-${o.target}${o.suite === 'limits' ? '' : `-${o.suite}-${o.batch}`}`;
  saveResult({
    suite,
    ...MACHINE,
    peer: PEER[o.target],
    threads: 1,
    geomean: summary,
    rows,
  });
}

await new Command('bench:ops')
  .option('--target <target>', 'c or wasm', 'c')
  .addOption(
    new Option('--suite <name>', 'cases of bench/op-cases.ts, or Roller’s')
      .choices(['limits', 'roller'])
      .default('limits'),
  )
  .option('--batch <n>', 'of the suite roller', '1')
  .option('--filter <regex>', 'only these cases')
  .option('--seconds <s>', 'time per case', '2')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parseAsync();
