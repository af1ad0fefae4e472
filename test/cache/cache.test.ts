// The compile cache: what it keeps, what it refuses, how it survives damage and many writers at once.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CompileCache, cacheDirectory, openCache } from '../../src/6-runtime/cache.ts';

let home: string;
let directory: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tilewright-test-'));
  directory = join(home, 'cache');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const files = (end: string): string[] =>
  readdirSync(directory)
    .filter((f) => f.endsWith(end))
    .sort();

describe('the compile cache', () => {
  it('gives back what was stored under exactly this key', () => {
    const cache = new CompileCache(directory);
    expect(cache.find('key')).toBeUndefined();
    cache.store('key', bytes('code'), 'so');
    const found = new CompileCache(directory).find('key')!;
    expect(readFileSync(found.path, 'utf8')).toBe('code');
    expect(found.bytes).toBe(4);
    expect(cache.find('key2')).toBeUndefined();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(found.path).mode & 0o777).toBe(0o600);
  });

  it('replaces an artefact of the same key', () => {
    const cache = new CompileCache(directory);
    cache.store('key', bytes('one'), 'so');
    cache.store('key', bytes('two'), 'so');
    expect(readFileSync(cache.find('key')!.path, 'utf8')).toBe('two');
  });

  const damage: [string, () => void][] = [
    [
      'a flipped byte',
      () => {
        const file = join(directory, files('.so')[0]);
        const data = readFileSync(file);
        data[1] ^= 1;
        writeFileSync(file, data);
      },
    ],
    ['a cut artefact', () => truncateSync(join(directory, files('.so')[0]), 2)],
    ['a missing artefact', () => rmSync(join(directory, files('.so')[0]))],
    ['a cut manifest', () => truncateSync(join(directory, files('.json')[0]), 9)],
    ['a manifest that is no object', () => writeFileSync(join(directory, files('.json')[0]), 'null')],
    ['a manifest of another key', () => rewrite((m) => ({ ...m, key: 'other' }))],
    ['a manifest of another format', () => rewrite((m) => ({ ...m, format: 0 }))],
    ['a manifest that points elsewhere', () => rewrite((m) => ({ ...m, file: '../../etc/passwd' }))],
  ];
  function rewrite(change: (m: Record<string, unknown>) => unknown): void {
    const file = join(directory, files('.json')[0]);
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  }

  it.each(damage)('drops an entry with %s', (_name, spoil) => {
    const cache = new CompileCache(directory);
    cache.store('key', bytes('code'), 'so');
    spoil();
    expect(cache.find('key')).toBeUndefined();
    expect(files('.json')).toEqual([]);
    cache.store('key', bytes('code'), 'so');
    expect(readFileSync(cache.find('key')!.path, 'utf8')).toBe('code');
  });

  it('forgets the least recently used entries beyond its size', () => {
    const cache = new CompileCache(directory, { maxBytes: 4000 });
    const old = Date.now() / 1000 - 1000;
    for (const key of ['a', 'b', 'c']) cache.store(key, new Uint8Array(1000), 'so');
    for (const [i, f] of files('.json').entries()) utimesSync(join(directory, f), old + i, old + i);
    expect(cache.find('a')).toBeDefined();
    cache.store('d', new Uint8Array(1000), 'so');
    expect(cache.find('a')).toBeDefined();
    expect(cache.find('d')).toBeDefined();
    expect(['b', 'c'].every((key) => cache.find(key))).toBe(false);
    const total = readdirSync(directory).reduce((n, f) => n + statSync(join(directory, f)).size, 0);
    expect(total).toBeLessThanOrEqual(4000);
  });

  it('removes what an ended writer left, and only that', () => {
    const cache = new CompileCache(directory);
    const old = Date.now() / 1000 - 7200;
    for (const name of ['stale.tmp', 'fresh.tmp', 'notes.txt']) writeFileSync(join(directory, name), 'x');
    utimesSync(join(directory, 'stale.tmp'), old, old);
    cache.store('key', bytes('code'), 'so');
    expect(existsSync(join(directory, 'stale.tmp'))).toBe(false);
    expect(existsSync(join(directory, 'fresh.tmp'))).toBe(true);
    expect(existsSync(join(directory, 'notes.txt'))).toBe(true);
  });
});

describe.skipIf(process.platform === 'win32')('an unsafe cache directory', () => {
  it('is refused when others can write to it', () => {
    mkdirSync(directory);
    chmodSync(directory, 0o770);
    expect(() => new CompileCache(directory)).toThrow(/USAGE.*can be written by others/s);
  });

  it('is refused when it is a link or a file', () => {
    mkdirSync(join(home, 'real'), { mode: 0o700 });
    symlinkSync(join(home, 'real'), directory);
    expect(() => new CompileCache(directory)).toThrow(/is not a directory/);
  });

  it('is an error when named, and done without when it is the default', () => {
    mkdirSync(join(home, 'tilewright'));
    chmodSync(join(home, 'tilewright'), 0o777);
    expect(openCache({ XDG_CACHE_HOME: home })).toBeNull();
    expect(() => openCache({ TILEWRIGHT_CACHE: join(home, 'tilewright') })).toThrow(/USAGE.*can be written by others/s);
    writeFileSync(join(home, 'file'), '');
    expect(openCache({ XDG_CACHE_HOME: join(home, 'file') })).toBeNull();
    expect(() => openCache({ TILEWRIGHT_CACHE: join(home, 'file', 'cache') })).toThrow(/USAGE.*cannot create/s);
  });

  it('is found from the environment', () => {
    expect(cacheDirectory({ TILEWRIGHT_CACHE: '/x' })).toBe('/x');
    expect(cacheDirectory({ TILEWRIGHT_CACHE: 'off', XDG_CACHE_HOME: '/x' })).toBeNull();
    expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe('/x/tilewright');
    expect(cacheDirectory({})).toMatch(/\.cache.tilewright$/);
    expect(() => cacheDirectory({ TILEWRIGHT_CACHE: 'here' })).toThrow(/USAGE/);
  });
});

describe('many writers at once', () => {
  const writer = fileURLToPath(new URL('./writer.ts', import.meta.url));

  function start(seed: number): Promise<{ status: number | null; text: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, ['--import', 'tsx', writer, directory, String(seed)]);
      let text = '';
      child.stdout.on('data', (d: Buffer) => {
        text += d.toString();
      });
      child.stderr.on('data', (d: Buffer) => {
        text += d.toString();
      });
      child.on('close', (status) => resolve({ status, text }));
    });
  }

  it('never gives a wrong or partial artefact', async () => {
    const ends = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(start));
    for (const { status, text } of ends) expect(`${status} ${text}`).toMatch(/^0 ok/);
    expect(files('.tmp')).toEqual([]);
  });
});
