// `npm run bench:conformance`: runs third-party cases through `tilewright test` and writes what passed
// to bench/results/conformance.json, a row per suite, group and target. Rows of suites and targets that
// are not run stay; `--report` takes cases from an earlier `tilewright test --json` instead of running. The material is that of the conformance tests (TILEWRIGHT_DATA).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { version } from '../src/version.ts';
import { type CaseReport, DATA, runCases } from '../test/conformance/data.ts';
import { ROOT } from './source.ts';

export const CONFORMANCE_FILE = join(ROOT, 'bench/results/conformance.json');

export interface ConformanceRow {
  readonly suite: string;
  /** A group of the suite's index; the suite's own name where it has no groups. */
  readonly group: string;
  readonly target: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The cases that failed, sorted by name. */
  readonly failures: readonly Readonly<{ name: string; reason: string }>[];
}

export interface UlpRow {
  readonly suite: string;
  readonly target: string;
  /** Passed cases with f32 values; figures are of the worst element of each case. */
  readonly cases: number;
  readonly median: number;
  readonly p99: number;
}

export interface Conformance {
  readonly suite: 'conformance';
  readonly tilewright: string;
  readonly node: string;
  readonly cpu: string;
  readonly rows: readonly ConformanceRow[];
  readonly ulps: readonly UlpRow[];
}

interface IndexEntry {
  readonly coll: string;
  readonly name: string;
  readonly group?: string;
  readonly dtypes?: readonly string[];
}

/** Folders of each suite below the material. `light` networks have groups of their own. */
const SUITES: ReadonlyMap<string, readonly string[]> = new Map([
  ['onnx-backend', ['node', 'simple', 'pytorch-operator', 'pytorch-converted'].map((f) => `onnx-backend/${f}`)],
  ['light', ['onnx-backend/light']],
  ['graphs-positive', ['graphs-positive']],
  ['nnsmith', ['nnsmith']],
  ['models', ['models']],
  ['structures', ['structures']],
]);
const GROUPED = 'onnx-backend';
/** Characters of a failure's reason that are kept. */
const REASON = 160;

const tail = (name: string, parts: number): string => name.split(/[\\/]/).slice(-parts).join('/');

/** One row per group of the suite, groups sorted. */
export function rowsOf(
  suite: string,
  target: string,
  cases: readonly CaseReport[],
  groupOf: (c: CaseReport) => string,
): ConformanceRow[] {
  const groups = [...new Set(cases.map(groupOf))].sort();
  return groups.map((group) => {
    const own = cases.filter((c) => groupOf(c) === group);
    const count = (s: CaseReport['status']): number => own.filter((c) => c.status === s).length;
    const failed = own.filter((c) => c.status === 'failed').sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      suite,
      group,
      target,
      passed: count('passed'),
      failed: count('failed'),
      skipped: count('skipped'),
      failures: failed.map((c) => ({ name: tail(c.name, 1), reason: c.reason.slice(0, REASON) })),
    };
  });
}

/** Median and 99th percentile over the cases of the largest distance in each. */
export function ulpRow(suite: string, target: string, cases: readonly CaseReport[]): UlpRow {
  const ulps = cases
    .filter((c) => c.status === 'passed')
    .map((c) => c.maxUlp)
    .sort((a, b) => a - b);
  const at = (q: number): number => ulps[Math.min(ulps.length - 1, Math.floor(q * ulps.length))] ?? 0;
  return { suite, target, cases: ulps.length, median: at(0.5), p99: at(0.99) };
}

/** Earlier results with those of the same suite and target replaced, in a fixed order. */
function merged<T extends { suite: string; target: string }>(before: readonly T[], fresh: readonly T[]): T[] {
  const key = (r: T): string => `${r.suite} ${r.target}`;
  const replaced = new Set(fresh.map(key));
  const order = [...SUITES.keys()];
  const rank = (r: T): number => order.indexOf(r.suite);
  const all = [...before.filter((r) => !replaced.has(key(r))), ...fresh];
  return all.sort((a, b) => rank(a) - rank(b) || (a.target < b.target ? -1 : Number(a.target > b.target)));
}

interface Options {
  readonly target: string;
  readonly suite: string;
  readonly material?: string;
  readonly report?: string;
}

/** The cases of one suite on one target, from a run or from the report of one. */
function casesOf(suite: string, target: string, { material, report }: Options): readonly CaseReport[] {
  const folders = SUITES.get(suite);
  if (!folders) throw new Error(`no suite ${suite}: there are ${[...SUITES.keys()].join(', ')}`);
  if (report) return (JSON.parse(readFileSync(report, 'utf8')) as { cases: CaseReport[] }).cases;
  const made = folders.map((f) => material && join(material, f));
  const chosen = folders.map((f, i) => (made[i] && existsSync(made[i]) ? relative(DATA!, made[i]) : f));
  const { cases, closing } = runCases(chosen, target, ['--index', join(DATA!, 'INDEX.json')]);
  console.log(`${suite} on ${target}: ${closing}`);
  return cases;
}

function main(o: Options): void {
  if (!DATA) throw new Error('the material is absent: set TILEWRIGHT_DATA to its folder');
  const index = JSON.parse(readFileSync(join(DATA, 'INDEX.json'), 'utf8')) as IndexEntry[];
  const entries = new Map(index.filter((e) => e.coll === GROUPED).map((e) => [e.name, e]));
  const entry = (c: CaseReport): IndexEntry | undefined => entries.get(tail(c.name, 2));
  const before: Partial<Conformance> = existsSync(CONFORMANCE_FILE)
    ? JSON.parse(readFileSync(CONFORMANCE_FILE, 'utf8'))
    : {};
  let { rows = [], ulps = [] } = before;
  for (const suite of o.suite.split(',')) {
    for (const target of o.target.split(',')) {
      const cases = casesOf(suite, target, o);
      rows = merged(
        rows,
        rowsOf(suite, target, cases, (c) => (suite === GROUPED ? entry(c)?.group : suite) ?? suite),
      );
      if (suite !== GROUPED) continue;
      const floats = cases.filter((c) => entry(c)?.dtypes?.includes('float'));
      ulps = merged(ulps, [ulpRow(suite, target, floats)]);
    }
  }
  const machine = { tilewright: version, node: process.version, cpu: cpus()[0].model };
  const result: Conformance = { suite: 'conformance', ...machine, rows, ulps };
  writeFileSync(CONFORMANCE_FILE, `${JSON.stringify(result, null, 1)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command('bench:conformance')
    .option('--target <list>', 'targets, separated by commas', 'wasm,c,interpreter')
    .option('--suite <list>', `of ${[...SUITES.keys()].join(', ')}`, 'onnx-backend')
    .option('--material <dir>', 'folder whose models/ and structures/ have all inputs and weights')
    .option('--report <file>', 'take the cases of this report; with one suite and one target')
    .action(main)
    .parse();
}
