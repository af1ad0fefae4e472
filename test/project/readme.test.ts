// The README's program type-checks and runs as it stands, against the source instead of the package.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { COMMANDS } from '../../src/cli/commands.ts';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const program = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
const folder = join(ROOT, '.tilewright');
const file = join(folder, 'readme.mts');

mkdirSync(folder, { recursive: true });
writeFileSync(file, program.replace("'tilewright'", "'../src/index.ts'"));

it('type-checks', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const checked = ts.createProgram([file], { ...options, noEmit: true });
  const source = checked.getSourceFile(file);
  const messages = checked.getSemanticDiagnostics(source).map((d) => d.messageText);
  expect(source?.statements.length).toBeGreaterThan(3);
  expect(messages).toEqual([]);
});

it('runs', () => {
  const args = [join('node_modules', 'tsx', 'dist', 'cli.mjs'), file];
  const options = { cwd: ROOT, encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('Float32Array(10)');
});

it('lists every command', () => {
  const listed = [...readme.matchAll(/^\| `(\w+)(?: [^`]*)?` \|/gm)].map((m) => m[1]);
  const names = COMMANDS.map((command) => command().name());
  expect(names.filter((name) => !listed.includes(name))).toEqual([]);
});
