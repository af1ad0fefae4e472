// What the package promises: every entry point has a source, nothing runs on installation, and the
// version is one.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { version } from '../../src/version.ts';

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** All file names in a tree of export conditions. */
function targets(entry: unknown): string[] {
  if (typeof entry === 'string') return [entry];
  return Object.values(entry as Record<string, unknown>).flatMap(targets);
}

it('has a source for every entry point', () => {
  const files = [...targets(manifest.exports), ...targets(manifest.bin)];
  const sources = files
    .map((file) => file.replace(/^\.\//, ''))
    .map((file) => file.replace(/^dist\/(.*?)(\.d\.ts|\.js)$/, 'src/$1.ts'));
  expect(sources.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

it('puts types before code in every set of conditions', () => {
  const misordered = (entry: unknown): boolean => {
    if (typeof entry !== 'object' || entry === null) return false;
    const keys = Object.keys(entry);
    const late = keys.includes('types') && keys.indexOf('types') > keys.indexOf('default');
    return late || Object.values(entry).some(misordered);
  };
  expect(misordered(manifest.exports)).toBe(false);
});

it('runs nothing on installation', () => {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
  expect(hooks.filter((hook) => hook in manifest.scripts)).toEqual([]);
});

it('has one version', () => {
  expect(version).toBe(manifest.version);
});

it('locks every dependency, those of other platforms too', () => {
  type Locked = Record<string, Record<string, Record<string, string> | undefined>>;
  const packages: Locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const resolves = (from: string, name: string): boolean => {
    const folders = from.split('/node_modules/').map((_, i, parts) => parts.slice(0, i + 1));
    const places = folders.map((parts) => `${parts.join('/node_modules/')}/node_modules/${name}`);
    return [`node_modules/${name}`, ...places].some((place) => place in packages);
  };
  const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !resolves(from, name))
      .map((name) => `${from}: ${name}`),
  );
  expect(missing).toEqual([]);
});
