// The programs of the pages type-check and run as they stand, against the source instead of the package.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { COMMANDS } from '../../src/cli/commands.ts';

const folder = join(ROOT, '.tilewright');
mkdirSync(folder, { recursive: true });

/** Sources of the entry points that programs import. */
const SOURCES = new Map([
  ["'tilewright'", "'../src/index.ts'"],
  ["'tilewright/build'", "'../src/web/build.ts'"],
]);

describe.each([
  ['README.md', 'Float32Array(10)'],
  ['docs/howto/build.md', 'Float32Array(3)'],
])('the program of %s', (page, printed) => {
  const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, page), 'utf8'))?.[1] ?? '';
  const file = join(folder, `${page.replace(/\W/g, '-')}.mts`);
  writeFileSync(
    file,
    program.replace(/'tilewright[^']*'/g, (entry) => SOURCES.get(entry) ?? entry),
  );

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
    expect(stdout).toContain(printed);
  });
});

it('lists every command', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const listed = [...readme.matchAll(/^\| `(\w+)(?: [^`]*)?` \|/gm)].map((m) => m[1]);
  const names = COMMANDS.map((command) => command().name());
  expect(names.filter((name) => !listed.includes(name))).toEqual([]);
});
