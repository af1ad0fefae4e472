// Where the shared test material lies: TILEWRIGHT_DATA, else ../shared/data beside the project, in which npm runs. Suites
// that need it skip when it is not there, and say so in their names.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = process.env['TILEWRIGHT_DATA'] ?? '../shared/data';

/** The folder of the material, or undefined. */
export const DATA = fs.existsSync(path.join(FOLDER, 'INDEX.json')) ? FOLDER : undefined;
export const UNLESS_DATA = DATA ? '' : ' (skipped: no TILEWRIGHT_DATA and no ../shared/data)';

export interface CaseReport {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly reason: string;
  readonly maxUlp: number;
}

/** Runs `tilewright test` as users do and gives its JSON and closing line. */
export function runCases(
  folders: readonly string[],
  target: string,
  more: readonly string[] = [],
): { cases: CaseReport[]; closing: string } {
  const json = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-cases-')), 'cases.json');
  const args = [
    '--import',
    'tsx',
    path.join(ROOT, 'src/cli/main.ts'),
    'test',
    ...folders.map((f) => path.join(DATA!, f)),
    '--target',
    target,
    '--json',
    json,
    ...more,
  ];
  const run = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  const { cases } = JSON.parse(fs.readFileSync(json, 'utf8')) as { cases: CaseReport[] };
  fs.rmSync(path.dirname(json), { recursive: true });
  return { cases, closing: run.stdout.trim().split('\n').at(-1) ?? '' };
}

/** Groups of the conformance suite by case, from the index. */
export function groupOf(): (c: CaseReport) => string {
  const index = JSON.parse(fs.readFileSync(path.join(DATA!, 'INDEX.json'), 'utf8')) as {
    name: string;
    group: string;
  }[];
  const groups = new Map(index.map((e) => [e.name, e.group]));
  return (c) => groups.get(c.name.split(path.sep).slice(-2).join('/')) ?? 'unknown';
}
