// The compile cache on disk: built code under the SHA-256 of everything that went into it. An entry is a manifest,
// which holds the whole key and the artefact's own hash, and the artefact. Both are written to a fresh name, synced and
// renamed, so readers need no lock and see whole files only. The directory holds code that will be executed: it must
// belong to the user alone.
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { TilewrightError } from '../support/errors.ts';

/** Changes whenever the meaning of entries does. */
const FORMAT = 1;
/** A temporary file older than this was left behind by a process that ended. */
const STALE_MS = 60 * 60 * 1000;

/** The key is all that the artefact was made from. */
type Manifest = Readonly<{ format: number; key: string; file: string; bytes: number; sha256: string }>;

type Entry = { name: string; files: string[]; bytes: number; used: number };

/** A verified artefact on disk. */
export type CachedFile = Readonly<{ path: string; bytes: number }>;

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export class CompileCache {
  readonly directory: string;
  private readonly maxBytes: number;

  /** Creates the directory (mode 0700); USAGE when it is not safe. Least recently used entries go beyond `maxBytes`. */
  constructor(directory: string, { maxBytes = 2 ** 30 } = {}) {
    this.directory = directory;
    this.maxBytes = maxBytes;
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const problem = unsafe(directory);
    if (problem) {
      const hint = 'Cached code is executed: use a directory that only you can write to (chmod 700).';
      throw new TilewrightError('USAGE', `the compile cache ${problem}`, { file: directory }, hint);
    }
  }

  /** The artefact made from exactly this key, verified just now; undefined when there is none. */
  find(key: string): CachedFile | undefined {
    const manifest = join(this.directory, `${sha256(key)}.json`);
    if (!fs.existsSync(manifest)) return undefined;
    const entry = this.read(manifest, key);
    if (entry) touch(manifest);
    else fs.rmSync(manifest, { force: true });
    return entry;
  }

  /** Undefined where the entry is damaged. */
  private read(manifest: string, key: string): CachedFile | undefined {
    try {
      const m = parseManifest(fs.readFileSync(manifest, 'utf8'));
      if (m?.key !== key) return undefined;
      const path = join(this.directory, m.file);
      const data = fs.readFileSync(path);
      return data.length === m.bytes && sha256(data) === m.sha256 ? { path, bytes: m.bytes } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Stores an artefact; several processes may store the same key at once. */
  store(key: string, data: Uint8Array, extension: string): CachedFile {
    const name = sha256(key);
    const hash = sha256(data);
    const file = `${name}.${hash.slice(0, 16)}.${extension}`;
    const manifest: Manifest = { format: FORMAT, key, file, bytes: data.length, sha256: hash };
    this.write(file, data);
    this.write(`${name}.json`, Buffer.from(JSON.stringify(manifest)));
    this.evict(name);
    return { path: join(this.directory, file), bytes: data.length };
  }

  private write(name: string, data: Uint8Array): void {
    const temporary = join(this.directory, `${randomBytes(16).toString('hex')}.tmp`);
    const fd = fs.openSync(temporary, 'wx', 0o600);
    try {
      for (let done = 0; done < data.length; ) done += fs.writeSync(fd, data, done);
      fs.fsyncSync(fd);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw error;
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, join(this.directory, name));
  }

  /** Removes least recently used entries beyond the limit, never the one named `keep`. */
  private evict(keep: string): void {
    const entries = this.entries();
    let total = entries.reduce((n, e) => n + e.bytes, 0);
    for (const e of entries.sort((a, b) => a.used - b.used || (a.name < b.name ? -1 : 1))) {
      if (total <= this.maxBytes) return;
      if (e.name === keep) continue;
      for (const file of e.files) fs.rmSync(join(this.directory, file), { force: true });
      total -= e.bytes;
    }
  }

  /** Files grouped by key hash; leftovers of ended writers are removed on the way. */
  private entries(): Entry[] {
    const groups = new Map<string, Entry>();
    for (const file of fs.readdirSync(this.directory)) {
      const info = fs.statSync(join(this.directory, file), { throwIfNoEntry: false });
      if (!info?.isFile()) continue;
      const age = Date.now() - info.mtimeMs;
      if (file.endsWith('.tmp')) {
        if (age > STALE_MS) fs.rmSync(join(this.directory, file), { force: true });
        continue;
      }
      const name = file.slice(0, 64);
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const group = groups.get(name) ?? { name, files: [], bytes: 0, used: 0 };
      group.files.push(file);
      group.bytes += info.size;
      if (file.endsWith('.json') || group.used === 0) group.used = info.mtimeMs;
      groups.set(name, group);
    }
    return [...groups.values()];
  }
}

function touch(file: string): void {
  const now = Date.now() / 1000;
  try {
    fs.utimesSync(file, now, now);
  } catch {
    // Another process evicted the entry; its artefact has been verified already.
  }
}

/** A file name of ours: hash, short hash, extension; nothing that leaves the directory. */
const FILE = /^[0-9a-f]{64}\.[0-9a-f]{16}\.[a-z0-9]{1,8}$/;

/** Throws for text that is not JSON. */
function parseManifest(text: string): Manifest | undefined {
  const m = JSON.parse(text) as Partial<Manifest> | null;
  const fits = m?.format === FORMAT && typeof m.key === 'string' && typeof m.sha256 === 'string';
  return fits && typeof m.bytes === 'number' && FILE.test(String(m.file)) ? (m as Manifest) : undefined;
}

/** Why code in this directory must not be trusted, or undefined. */
function unsafe(directory: string): string | undefined {
  const info = fs.lstatSync(directory);
  if (!info.isDirectory()) return 'is not a directory';
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  if (info.uid !== uid) return 'belongs to another user';
  return (info.mode & 0o022) === 0 ? undefined : 'can be written by others';
}

/** Where the cache lies: TILEWRIGHT_CACHE, else below XDG_CACHE_HOME or ~/.cache; null when 'off'. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string | null {
  const named = env['TILEWRIGHT_CACHE'];
  if (named === 'off') return null;
  if (named) {
    if (isAbsolute(named)) return named;
    throw new TilewrightError('USAGE', 'TILEWRIGHT_CACHE is not an absolute path', { file: named });
  }
  const base = env['XDG_CACHE_HOME'];
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'tilewright');
}

/** The user's cache, or null. A directory named by TILEWRIGHT_CACHE must be usable, else USAGE. */
export function openCache(env: NodeJS.ProcessEnv = process.env): CompileCache | null {
  const directory = cacheDirectory(env);
  try {
    return directory === null ? null : new CompileCache(directory);
  } catch (error) {
    if (!env['TILEWRIGHT_CACHE']) return null;
    if (error instanceof TilewrightError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new TilewrightError('USAGE', `cannot create ${directory}: ${code}`, { file: directory! });
  }
}
