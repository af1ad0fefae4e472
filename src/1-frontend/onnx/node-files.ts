// External tensor data from a folder, for Node entry points only. A model chooses the names of its data files, so each
// one is walked component by component below the folder: symbolic links, hard links and anything but regular files are
// refused, and the open descriptor must still be the file that was checked.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { refuse as refusal } from '../../support/errors.ts';
import { checkRegion, type FileSource, locationComponents } from './files.ts';

export interface NodeFilesOptions {
  /**
   * Folders in which the targets of symbolic links may lie, such as the blobs folder of a download cache. Default:
   * none, symbolic links are refused.
   */
  readonly allowSymlinks?: readonly string[];
}

type Identity = Pick<fs.Stats, 'dev' | 'ino' | 'size' | 'mtimeMs'>;

function refuse(what: string, location: string, hint?: string): never {
  return refusal('EXTERNAL_DATA', what, { file: location }, hint);
}

const HINT = 'Put a plain copy of the data file beside the model.';

function within(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

function lstat(file: string, location: string): fs.Stats {
  try {
    return fs.lstatSync(file);
  } catch {
    return refuse('external data is missing', location, 'Keep the data files beside the model.');
  }
}

const sameFile = (a: Identity, b: Identity): boolean => a.dev === b.dev && a.ino === b.ino;
const unchanged = (a: Identity, b: Identity): boolean => sameFile(a, b) && a.size === b.size && a.mtimeMs === b.mtimeMs;

class FolderFiles implements FileSource {
  private readonly root: string;
  private readonly linkTargets: readonly string[];
  private readonly seen = new Map<string, Identity>();

  constructor(folder: string, options: NodeFilesOptions) {
    this.root = fs.realpathSync(folder);
    this.linkTargets = (options.allowSymlinks ?? []).map((f) => fs.realpathSync(f));
  }

  readExternal(location: string, offset: number, length: number): Uint8Array {
    const file = this.walk(locationComponents(location), location);
    const fd = this.open(file, location);
    try {
      const { size } = this.check(fd, file, location);
      checkRegion(location, offset, length, size);
      return readRegion(fd, offset, length, location);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** The path of a file whose every component was looked at. */
  private walk(components: readonly string[], location: string): string {
    let current = this.root;
    let linked = false;
    components.forEach((component, i) => {
      current = path.join(current, component);
      let stats = lstat(current, location);
      if (stats.isSymbolicLink()) {
        linked = true;
        current = this.follow(current, location);
        stats = lstat(current, location);
      }
      const last = i === components.length - 1;
      if (last ? !stats.isFile() : !stats.isDirectory()) {
        refuse(last ? 'external data is not a regular file' : 'not a folder', location, HINT);
      }
    });
    if (!linked && !within(current, this.root)) refuse('the file lies outside the folder', location);
    return current;
  }

  private follow(link: string, location: string): string {
    let target: string;
    try {
      target = fs.realpathSync(link);
    } catch {
      return refuse('a symbolic link leads nowhere', location, HINT);
    }
    if (this.linkTargets.some((folder) => target === folder || within(target, folder))) return target;
    const hint = `${HINT} Or allow the folder of the link's target with allowSymlinks.`;
    return refuse('external data is reached through a symbolic link', location, hint);
  }

  private open(file: string, location: string): number {
    // O_NONBLOCK: opening a pipe that replaced the file must not wait for a writer.
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
    try {
      return fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      return refuse('external data cannot be opened', location, HINT);
    }
  }

  /** The descriptor must be the plain file at that path, unchanged since the first read. */
  private check(fd: number, file: string, location: string): Identity {
    const stats = fs.fstatSync(fd);
    if (!stats.isFile()) refuse('external data is not a regular file', location, HINT);
    if (stats.nlink > 1) refuse('external data is a hard link', location, HINT);
    const real = fs.realpathSync(file);
    if (real !== file || !sameFile(fs.statSync(real), stats)) {
      refuse('external data was replaced while it was opened', location);
    }
    const first = this.seen.get(file);
    if (first && !unchanged(first, stats)) refuse('external data changed while the model was read', location);
    this.seen.set(file, stats);
    return stats;
  }
}

function readRegion(fd: number, offset: number, length: number, location: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0, n = 0; done < length; done += n) {
    n = fs.readSync(fd, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (n === 0) refuse('external data ended early', location);
  }
  return bytes;
}

/**
 * External data below `folder`, which the caller trusts. Every read is checked anew. Throws USAGE when the folder does
 * not exist.
 */
export function nodeFiles(folder: string, options: NodeFilesOptions = {}): FileSource {
  try {
    return new FolderFiles(folder, options);
  } catch {
    return refusal('USAGE', 'the folder of the model does not exist', { file: folder });
  }
}
