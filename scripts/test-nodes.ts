// `npm run test:nodes`: runs the quick tests and the demo with other releases of Node, taken from
// npm as packages and kept in .tilewright/nodes. Prints a table and fails when one of them fails.
// Arguments: major versions (24 26) and, after --, filters of test files.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source.ts';

const DEFAULT_MAJORS = ['24', '26'];
/** Test folders that together touch every stage and take about a minute. */
const QUICK_TESTS = ['project', 'frontend', 'tile', 'lower', 'wasm', 'cache'].map((f) => `test/${f}`);
const LIMIT_MS = 20 * 60_000;

interface Outcome {
  readonly node: string;
  readonly tests: string;
  readonly demo: string;
  readonly ok: boolean;
}

/** Installs the newest release of this major version, unless it is there, and gives its binary. */
function installNode(major: string): string {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${system}-${process.arch}`;
  const folder = join(ROOT, '.tilewright', 'nodes', major);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder];
  const { status } = spawnSync('npm', [...args, `${name}@${major}`], { stdio: 'inherit' });
  if (status !== 0 || !existsSync(binary)) throw new Error(`cannot install ${name}@${major}`);
  return binary;
}

function run(binary: string, script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(binary, [join(ROOT, 'node_modules', script), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: LIMIT_MS,
    maxBuffer: 1 << 28,
  });
}

/** The counts of the tests, and whether they all passed. */
function runTests(binary: string, filters: readonly string[]): [text: string, ok: boolean] {
  const report = join(ROOT, '.tilewright', 'nodes', 'report.json');
  rmSync(report, { force: true });
  const env = { TILEWRIGHT_TEST_REPORT: report };
  const { status, stdout, stderr } = run(binary, 'vitest/vitest.mjs', ['run', ...filters], env);
  if (status !== 0) console.log(stdout, stderr);
  if (!existsSync(report)) return ['no report', false];
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  const text = `${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`;
  return [text, status === 0];
}

/** The accuracy that the demo reports, and whether it ended well. */
function runDemo(binary: string): [text: string, ok: boolean] {
  const { status, stdout, stderr } = run(binary, 'tsx/dist/cli.mjs', ['examples/digits/demo.ts']);
  if (status !== 0) console.log(stdout, stderr);
  const text = /accuracy\s+(.*)/.exec(stdout)?.[1] ?? 'no result';
  return [text, status === 0];
}

function tryNode(binary: string, filters: readonly string[]): Outcome {
  const node = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const [tests, testsOk] = runTests(binary, filters);
  const [demo, demoOk] = runDemo(binary);
  return { node, tests, demo, ok: testsOk && demoOk };
}

function main(args: readonly string[]): number {
  const majors = args.filter((arg) => /^\d+$/.test(arg));
  const filters = args.filter((arg) => !/^\d+$/.test(arg) && arg !== '--');
  const existing = QUICK_TESTS.filter((folder) => existsSync(join(ROOT, folder)));
  const binaries = (majors.length > 0 ? majors : DEFAULT_MAJORS).map(installNode);
  const outcomes = [process.execPath, ...binaries].map((binary) =>
    tryNode(binary, filters.length > 0 ? filters : existing),
  );
  console.table(outcomes);
  return outcomes.every((outcome) => outcome.ok) ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
