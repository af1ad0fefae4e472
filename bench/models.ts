// `npm run bench:models`: whole models on one target beside a peer at one thread: networks that are built here, and the
// third-party structures and models of TILEWRIGHT_DATA. Each runs in a process of its own (model-run.ts) under a time
// limit; what fails is a row with its reason. Writes bench/results/models-TARGET.json after every model; rows that are
// not run stay while Tilewright, Node and the processor are the same. Ratios above 1 mean that Tilewright is faster.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { DATA } from '../test/conformance/data.ts';
import { MACHINE, resultFile, saveResult } from './machine.ts';
import type { Job, ModelRow } from './model-run.ts';
import { geomean } from './statistics.ts';
import { available } from './subject.ts';

export type { ModelRow } from './model-run.ts';

export interface GroupSummary {
  readonly group: string;
  readonly models: number;
  /** Of the models that both ran; null when there are none. */
  readonly geomean: number | null;
}

export interface ModelsResult {
  readonly suite: string;
  readonly tilewright: string;
  readonly node: string;
  readonly cpu: string;
  readonly peer: string;
  readonly peerVersion: string;
  readonly threads: 1;
  readonly groups: readonly GroupSummary[];
  readonly rows: readonly ModelRow[];
}

interface Options {
  readonly target: string;
  readonly filter?: string;
  readonly seconds: string;
  readonly limit: string;
  readonly measure: string;
  readonly save: boolean;
}

const PEER: Readonly<Record<string, string>> = { c: 'onnxruntime-node', wasm: 'onnxruntime-web' };
/** Characters of a reason that are kept. */
const REASON = 300;

const failed = (group: string, name: string, error: string): ModelRow => {
  return {
    ...{ group, name, ours: null, theirs: null, ratio: null, compileMs: null, kernels: null, arenaBytes: null },
    ...{ agrees: null, error },
  };
};

/** Runs one model in a fresh process without the compile cache; never rejects. */
function runApart(job: Job, limitMs: number): Promise<ModelRow> {
  const own = fileURLToPath(import.meta.url);
  const script = path.join(path.dirname(own), `model-run${path.extname(own)}`);
  const env = { ...process.env, NODE_NO_WARNINGS: '1', TILEWRIGHT_CACHE: 'off' };
  const child = fork(script, [JSON.stringify(job)], { env, silent: true });
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-REASON);
  });
  return new Promise((resolve) => {
    let row: ModelRow | undefined;
    const timer = setTimeout(() => {
      row = failed(job.group, job.name, `took longer than ${limitMs / 1000} s`);
      child.kill('SIGKILL');
    }, limitMs);
    child.on('message', (made) => {
      row = made as ModelRow;
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const why = `ended with ${signal ?? `code ${code}`}: ${said.trim().replace(/\s+/g, ' ')}`;
      resolve(row ?? failed(job.group, job.name, why));
    });
  });
}

function line(r: ModelRow): string {
  const number = (x: number | null, digits: number, width: number, unit: string): string =>
    `${x === null ? '–'.padStart(width) : x.toFixed(digits).padStart(width)} ${unit}`;
  const figures = [
    `${r.group}/${r.name}`.padEnd(36),
    number(r.ours, 3, 10, 'ms'),
    number(r.theirs, 3, 10, 'ms'),
    `ratio ${number(r.ratio, 2, 6, '')}`,
    number(r.compileMs && r.compileMs / 1000, 1, 6, 's to compile'),
    `${r.kernels ?? '–'} kernels`.padEnd(12),
    number(r.arenaBytes && r.arenaBytes / 2 ** 20, 1, 7, 'MiB'),
    { true: 'agrees', false: 'DIFFERS', null: '' }[String(r.agrees)],
  ];
  return `${figures.join('  ')}${r.error ? `\n    ${r.error}` : ''}`;
}

function summaries(rows: readonly ModelRow[]): GroupSummary[] {
  return [...new Set(rows.map((r) => r.group))].map((group) => {
    const own = rows.filter((r) => r.group === group);
    const ratios = own.map((r) => r.ratio).filter((x) => x !== null);
    return { group, models: own.length, geomean: ratios.length > 0 ? geomean(ratios) : null };
  });
}

/** The result file; earlier rows of the same machine and version stay. */
class Report {
  private readonly head: Omit<ModelsResult, 'peerVersion' | 'groups' | 'rows'>;
  private readonly rows = new Map<string, ModelRow>();
  private peerVersion = 'unknown';

  constructor(target: string) {
    this.head = { suite: `models-${target}`, ...MACHINE, peer: PEER[target], threads: 1 };
    const file = resultFile(this.head.suite);
    if (!fs.existsSync(file)) return;
    const before = JSON.parse(fs.readFileSync(file, 'utf8')) as ModelsResult;
    const same = Object.entries(this.head).every(([key, value]) => before[key as keyof ModelsResult] === value);
    if (!same) return;
    this.peerVersion = before.peerVersion;
    for (const row of before.rows) this.rows.set(`${row.group}/${row.name}`, row);
  }

  add({ peerVersion, ...row }: ModelRow): void {
    this.peerVersion = peerVersion ?? this.peerVersion;
    this.rows.set(`${row.group}/${row.name}`, row);
    const order = available().map(([group, name]) => `${group}/${name}`);
    const rows = order.map((key) => this.rows.get(key)).filter((r) => r !== undefined);
    const result: ModelsResult = { ...this.head, peerVersion: this.peerVersion, groups: summaries(rows), rows };
    saveResult(result);
  }
}

async function main(o: Options): Promise<void> {
  const peer = PEER[o.target];
  if (!peer) throw new Error(`--target is c or wasm, not ${o.target}`);
  const chosen = available().filter(([group, name]) => new RegExp(o.filter ?? '').test(`${group}/${name}`));
  if (o.save && o.measure !== '0') throw new Error('results are kept of what the cost model decides: --no-save');
  const report = o.save ? new Report(o.target) : undefined;
  const rows: ModelRow[] = [];
  for (const [group, name] of chosen) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-model-'));
    const where = DATA ? { data: DATA } : {};
    const job = {
      group,
      name,
      target: o.target,
      peer,
      seconds: Number(o.seconds),
      measure: Number(o.measure),
      dir,
      ...where,
    };
    const row = await runApart(job, Number(o.limit) * 1000);
    fs.rmSync(dir, { recursive: true, force: true });
    if (row.error) row.error = row.error.slice(0, REASON);
    rows.push(row);
    console.log(line(row));
    report?.add(row);
  }
  for (const { group, models, geomean: mean } of summaries(rows)) {
    const compared = rows.filter((r) => r.group === group && r.ratio !== null).length;
    console.log(`${group}: ${compared} of ${models} models compared, geometric mean ratio ${mean?.toFixed(2) ?? '–'}`);
  }
}

await new Command('bench:models')
  .option('--target <target>', 'c or wasm', 'c')
  .option('--filter <regex>', 'only models whose group/name matches')
  .option('--seconds <s>', 'time per model', '5')
  .option('--limit <s>', 'longest time of one model, all told', '300')
  .option('--measure <n>', 'alternatives of a kernel to time as it is compiled, at most', '0')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parseAsync();
