// `npm run readme`: writes the tables of measured results into the pages that show them, between
// markers. In: bench/results/*.json and the list of excluded operators. Out: README.md and pages of
// docs whose figures are those of the files. A test fails while a page is behind.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelRow, ModelsResult } from '../bench/models.ts';
import type { WeldingResult } from '../bench/welding.ts';
import { EXCLUDED } from '../src/ops/excluded.ts';
import type { Conformance, ConformanceRow } from './conformance.ts';
import { ROOT } from './source.ts';

export const PAGES = ['README.md', 'docs/conformance.md', 'docs/performance.md'];
const RESULTS = 'bench/results';

interface OpsRow {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly rate: number;
  readonly unit: string;
  readonly ofPeak: number | null;
}

/** What `npm run bench:ops` writes. */
export interface OpsResult {
  readonly suite: string;
  readonly tilewright: string;
  readonly node: string;
  readonly cpu: string;
  readonly peer: string;
  readonly threads: number;
  readonly geomean: number;
  readonly rows: readonly OpsRow[];
}

type TimeSummary = Readonly<Record<'count' | 'median' | 'mean' | 'most', number>>;
/** What `npm run bench:construction` writes. */
interface ConstructionResult {
  readonly suite: string;
  readonly cpu: string;
  readonly construct: TimeSummary;
  /** Null where no target compiles. */
  readonly load: TimeSummary | null;
  readonly timesFaster: Readonly<Record<'ansor' | 'roller', number>>;
}

/** A result file, or undefined while it was never written. */
export function readResult<T>(file: string): T | undefined {
  const path = join(ROOT, RESULTS, file);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}

/** Results of a suite, one per target, in the order of their files. */
function resultsOf<T>(suite: 'ops' | 'models' | 'construction' | 'welding'): T[] {
  const folder = join(ROOT, RESULTS);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const files = names.filter((f) => f.startsWith(`${suite}-`) && f.endsWith('.json')).sort();
  return files.map((file) => readResult<T>(file)!);
}

type Cells = readonly (string | number)[];

function table(head: Cells, rows: readonly Cells[]): string {
  const line = (cells: Cells): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const NOT_MEASURED = (command: string): string => `Not measured yet: \`${command}\` writes the figures.`;
const unique = <T>(xs: readonly T[]): T[] => [...new Set(xs)];

/** `17 of 17`, and how many were left out. */
function score(rows: readonly ConformanceRow[]): string {
  const sum = (f: 'passed' | 'failed' | 'skipped'): number => rows.reduce((n, r) => n + r[f], 0);
  const left = sum('skipped');
  return rows.length === 0
    ? '–'
    : `${sum('passed')} of ${sum('passed') + sum('failed')}${left ? `, ${left} left out` : ''}`;
}

function scores(c: Conformance, head: Cells, label: (r: ConformanceRow) => string): string {
  const targets = unique(c.rows.map((r) => r.target)).sort();
  const labels = unique(c.rows.map(label));
  const rows = labels.map((l) => [
    l,
    ...targets.map((t) => score(c.rows.filter((r) => label(r) === l && r.target === t))),
  ]);
  return table([...head, ...targets.map((t) => `\`${t}\``)], rows);
}

const named = ({ suite, group }: ConformanceRow): string => (suite === group ? suite : `${suite}, ${group}`);

function failures(c: Conformance): string {
  const all = c.rows.flatMap(({ suite, target, failures }) => failures.map((f) => ({ ...f, suite, target })));
  const names = unique(all.map((f) => f.name)).sort();
  if (names.length === 0) return 'None.';
  const rows = names.map((name): Cells => {
    const own = all.filter((f) => f.name === name);
    const reason = own[0].reason.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
    return [`\`${name}\``, own[0].suite, own.map((f) => f.target).join(', '), reason];
  });
  return table(['Case', 'Suite', 'Fails on', 'What is found'], rows);
}

function excluded(): string {
  const rows = [...EXCLUDED].map(([key, why]): Cells => {
    const [domain, name] = key.split('\u0000');
    return [domain || 'ai.onnx', name === '*' ? 'all' : `\`${name}\``, why];
  });
  return table(['Domain', 'Operator', 'Reason'], rows);
}

const percent = (x: number): string => `${(100 * x).toFixed(0)} %`;

function opsSummary(results: readonly OpsResult[]): string {
  const rows = results.map(({ suite, peer, rows, geomean }): Cells => {
    const ratios = rows.map((r) => r.ratio).sort((a, b) => a - b);
    const [worst, best] = [ratios[0], ratios[ratios.length - 1]];
    const target = `\`${suite.replace('ops-', '')}\``;
    return [target, peer, rows.length, geomean.toFixed(2), worst.toFixed(2), best.toFixed(2)];
  });
  return table(['Target', 'Against', 'Operators', 'Geometric mean', 'Lowest', 'Highest'], rows);
}

function opsRows({ suite, peer, cpu, node, threads, rows }: OpsResult): string {
  const head = ['Case', 'Tilewright, ms', `${peer}, ms`, 'Ratio', 'Rate', 'Of peak'];
  const body = rows.map((r): Cells => {
    const rate = `${r.rate.toFixed(1)} ${r.unit}`;
    const share = r.ofPeak === null ? '–' : percent(r.ofPeak);
    return [r.name, r.ours.toFixed(3), r.theirs.toFixed(3), r.ratio.toFixed(2), rate, share];
  });
  const where = `\`${suite.replace('ops-', '')}\` on ${cpu}, Node ${node}, ${threads === 1 ? 'one thread' : `${threads} threads`}:`;
  return `${where}\n\n${table(head, body)}`;
}

const figure = (x: number | null, digits: number): string => (x === null ? '–' : x.toFixed(digits));

/** A row per group: how the models compare that both ran. */
export function modelsSummary({ suite, peer, groups, rows }: ModelsResult): Cells[] {
  return groups.map(({ group, models, geomean }) => {
    const own = rows.filter((r) => r.group === group).map((r) => r.ratio);
    const ratios = own.filter((x) => x !== null).sort((a, b) => a - b);
    const ends = [ratios[0] ?? null, ratios.at(-1) ?? null].map((x) => figure(x, 2));
    const target = `\`${suite.replace('models-', '')}\``;
    return [target, peer, group, `${ratios.length} of ${models}`, figure(geomean, 2), ...ends];
  });
}

function modelCells({
  name,
  ours,
  theirs,
  ratio,
  compileMs,
  kernels,
  arenaBytes,
  agrees,
  error = '',
}: ModelRow): Cells {
  const remark = error.replaceAll('|', '\\|').slice(0, 100);
  const times = [figure(ours, 3), figure(theirs, 3), figure(ratio, 2)];
  const size = [
    figure(compileMs && compileMs / 1000, 1),
    kernels ?? '–',
    figure(arenaBytes && arenaBytes / 2 ** 20, 1),
  ];
  return [name, ...times, ...size, agrees === null ? '–' : agrees ? 'yes' : 'no', remark];
}

/** A table per group. */
export function modelTables({ suite, peer, peerVersion, cpu, node, rows }: ModelsResult): string {
  const head = [
    'Model',
    'Tilewright, ms',
    `${peer}, ms`,
    'Ratio',
    'Compile, s',
    'Kernels',
    'Arena, MiB',
    'Agrees',
    'Remark',
  ];
  const made = unique(rows.map((r) => r.group)).map((group) => {
    const where = `${group}, \`${suite.replace('models-', '')}\` on ${cpu}, Node ${node}, ${peer} ${peerVersion}, one thread:`;
    const body = rows.filter((r) => r.group === group).map(modelCells);
    return `${where[0].toUpperCase()}${where.slice(1)}\n\n${table(head, body)}`;
  });
  return made.join('\n\n');
}

function constructionTable(results: readonly ConstructionResult[]): string {
  const rows = results.flatMap(({ suite, cpu, construct, load, timesFaster }): Cells[] => {
    const target = `\`${suite.replace('construction-', '')}\``;
    const cells = (what: string, t: TimeSummary): Cells => {
      const times = [t.median, t.mean, t.most].map((x) => x.toFixed(1));
      return [target, cpu, what, t.count, ...times, what !== LOADED ? timesFaster.ansor.toExponential(1) : ''];
    };
    return load ? [cells(BUILT, construct), cells(LOADED, load)] : [cells(ROLLED, construct)];
  });
  const head = ['Target', 'Machine', 'What', 'Operators', 'Median, ms', 'Mean, ms', 'Most, ms', 'Ansor over the mean'];
  return table(head, rows);
}
const BUILT = 'to loop statements';
const LOADED = 'to a loaded program';
const ROLLED = 'to rTiles';

function weldingRows({ suite, cpu, geomean: mean, rows }: WeldingResult): string {
  const [, target, sums] = suite.split('-');
  const factors = `time ${mean.ms.toFixed(2)}, calls ${mean.calls.toFixed(2)}, bytes ${mean.bytes.toFixed(2)}`;
  const means = `${rows.length} models, one thread; geometric means of apart over joined: ${factors}`;
  if (sums) return `\`${target}\` on ${cpu}, convolutions as plain sums on both sides, ${means}.`;
  const body = rows.map(({ name, joined, apart, error = '' }): Cells => {
    if (!joined || !apart) return [name, '–', '–', '–', '–', '–', '–', '–', error.replaceAll('|', '\\|').slice(0, 100)];
    const MiB = (x: number): string => (x / 2 ** 20).toFixed(1);
    const time = [joined.ms.toFixed(2), apart.ms.toFixed(2), (apart.ms / joined.ms).toFixed(2)];
    const moved = [joined.bytes, apart.bytes, joined.arenaBytes, apart.arenaBytes].map(MiB);
    return [name, ...time, joined.calls, apart.calls, `${moved[0]} / ${moved[1]}`, `${moved[2]} / ${moved[3]}`, ''];
  });
  const head = [
    'Model',
    'Joined, ms',
    'Apart, ms',
    'Ratio',
    'Calls',
    'Calls apart',
    'Moved, MiB',
    'Arena, MiB',
    'Remark',
  ];
  return `\`${target}\` on ${cpu}, ${means}:\n\n${table(head, body)}`;
}

const CONFORM = 'npm run bench:conformance';
const OPS = 'npm run bench:ops';
const MODELS = 'npm run bench:models';
const CONSTRUCTION = 'npm run bench:construction';
const WELDING = 'npm run bench:welding';
const SUMMARY = ['Target', 'Against', 'Models', 'Compared', 'Geometric mean', 'Lowest', 'Highest'];

/** The tables by the name in their markers. */
export function tables(): ReadonlyMap<string, string> {
  const conformance = readResult<Conformance>('conformance.json');
  const ops = resultsOf<OpsResult>('ops');
  const models = resultsOf<ModelsResult>('models');
  const construction = resultsOf<ConstructionResult>('construction');
  const welding = resultsOf<WeldingResult>('welding');
  const of = (make: (c: Conformance) => string): string => (conformance ? make(conformance) : NOT_MEASURED(CONFORM));
  return new Map([
    ['conformance by suite', of((c) => scores(c, ['Suite'], (r) => r.suite))],
    ['conformance by group', of((c) => scores(c, ['Suite and group'], named))],
    ['conformance failures', of(failures)],
    [
      'units in the last place',
      of(({ ulps }) =>
        table(
          ['Target', 'Cases', 'Median', '99th percentile'],
          ulps.map((u) => [`\`${u.target}\``, u.cases, u.median, u.p99]),
        ),
      ),
    ],
    ['excluded operators', excluded()],
    ['operators against peers', ops.length > 0 ? opsSummary(ops) : NOT_MEASURED(OPS)],
    ['single operators', ops.length > 0 ? ops.map(opsRows).join('\n\n') : NOT_MEASURED(OPS)],
    ['models against peers', models.length > 0 ? table(SUMMARY, models.flatMap(modelsSummary)) : NOT_MEASURED(MODELS)],
    ['construction', construction.length > 0 ? constructionTable(construction) : NOT_MEASURED(CONSTRUCTION)],
    ['joining', welding.length > 0 ? welding.map(weldingRows).join('\n\n') : NOT_MEASURED(WELDING)],
    ['models', models.length > 0 ? models.map(modelTables).join('\n\n') : NOT_MEASURED(MODELS)],
  ]);
}

/** A page with its tables replaced. Throws when a marker names no table. */
export function withTables(page: string, made: ReadonlyMap<string, string>): string {
  const block = /(<!-- table: ([^>]+) -->\n)[\s\S]*?(<!-- end of table -->)/g;
  return page.replace(block, (_, open: string, name: string, close: string) => {
    const text = made.get(name);
    if (text === undefined) throw new Error(`there is no table "${name}"`);
    return `${open}\n${text}\n\n${close}`;
  });
}

function main(): void {
  const made = tables();
  for (const page of PAGES) {
    const path = join(ROOT, page);
    const [before, after] = [readFileSync(path, 'utf8'), withTables(readFileSync(path, 'utf8'), made)];
    if (before !== after) writeFileSync(path, after);
    console.log(`${page}: ${before === after ? 'up to date' : 'written'}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
