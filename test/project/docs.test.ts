// The documentation names only commands, files and links that exist, and its figures are the measured ones.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PAGES, tables, withTables } from '../../scripts/readme-tables.ts';
import { ROOT } from '../../scripts/source.ts';

const scripts: Record<string, string> = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts;

const pages = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.md') && !/node_modules|^\.|^dist\//.test(path))
  .sort();

/** A part of a path that stands for a name to be chosen. */
const PLACEHOLDER = /NAME|FOLDER/;

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1]);

describe.each(pages)('%s', (page) => {
  it('names npm scripts that exist', () => {
    const named = matches(read(page), /npm run ([\w:-]+)/g);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('links to files that exist', () => {
    const links = matches(read(page), /\]\((?!https?:|#)([^)#\s]+)/g);
    const missing = links.filter((link) => !existsSync(join(ROOT, dirname(page), link)));
    expect(missing).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const pattern = /`((?:src|test|scripts|examples|docs|bench)\/[\w./-]*)`/g;
    const named = matches(read(page), pattern).filter((path) => !PLACEHOLDER.test(path));
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

it('finds pages', () => {
  expect(pages).toContain('README.md');
});

describe('tables of results', () => {
  it.each(PAGES)('are those of bench/results in %s (else: npm run readme)', (page) => {
    const text = read(page);
    expect(text).toContain('<!-- table: ');
    expect(withTables(text, tables())).toBe(text);
  });

  it('are written between markers, and only where a table has that name', () => {
    const page = 'a\n<!-- table: t -->\nold\n<!-- end of table -->\nb';
    const written = 'a\n<!-- table: t -->\n\nnew\n\n<!-- end of table -->\nb';
    expect(withTables(page, new Map([['t', 'new']]))).toBe(written);
    expect(() => withTables(page, new Map())).toThrow('there is no table "t"');
  });
});
