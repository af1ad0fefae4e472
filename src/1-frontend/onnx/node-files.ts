// External data from a folder, for Node entry points only. A model chooses the names of its data files, so each one
// must really lie where its name says below the folder: symbolic links, hard links and anything but regular files are
// refused, and the open descriptor must still be the file that was checked.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { refuse } from '../../support/errors.ts';
import { inLargePages } from '../../support/large-pages.ts';
import { checkRegion, type FileSource, locationComponents, refuseData } from './files.ts';

export interface NodeFilesOptions {
  /**
   * Folders in which the targets of symbolic links may lie, such as the blobs folder of a download cache. Default:
   * none, symbolic links are refused.
   */
  readonly allowSymlinks?: readonly string[];
}

type Identity = Pick<fs.Stats, 'dev' | 'ino' | 'size' | 'mtimeMs'>;

const HINT = 'Put a plain copy of the data file beside the model.';

const sameFile = (a: Identity, b: Identity): boolean => a.dev === b.dev && a.ino === b.ino;
const unchanged = (a: Identity, b: Identity): boolean => sameFile(a, b) && a.size === b.size && a.mtimeMs === b.mtimeMs;

function within(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
}

/** The path of a file without links in it. */
function realPath(file: string, location: string): string {
  try {
    return fs.realpathSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') refuseData('not a folder', location, HINT);
    const dangling = code === 'ELOOP' || (code === 'ENOENT' && fs.lstatSync(file, { throwIfNoEntry: false }));
    if (dangling) refuseData('a symbolic link leads nowhere', location, HINT);
    return refuseData('external data is missing', location, 'Keep the data files beside the model.');
  }
}

/** Where the file lies: on the path that its location says, or in a folder to which links may lead. */
function locate(root: string, linkTargets: readonly string[], location: string): string {
  const file = path.join(root, ...locationComponents(location));
  const real = realPath(file, location);
  if (real !== file && !linkTargets.some((folder) => within(real, folder))) {
    const hint = `${HINT} Or allow the folder of the link's target with allowSymlinks.`;
    refuseData('external data is reached through a symbolic link', location, hint);
  }
  const stats = fs.lstatSync(real, { throwIfNoEntry: false });
  return stats?.isFile() ? real : refuseData('external data is not a regular file', location, HINT);
}

function open(file: string, location: string): number {
  // O_NONBLOCK: opening a pipe that replaced the file must not wait for a writer.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  try {
    return fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return refuseData('external data cannot be opened', location, HINT);
  }
}

/** The descriptor must be the plain file at that path, unchanged since the first read. */
function check(fd: number, file: string, location: string, first: Identity | undefined): Identity {
  const stats = fs.fstatSync(fd);
  if (!stats.isFile()) refuseData('external data is not a regular file', location, HINT);
  if (stats.nlink > 1) refuseData('external data is a hard link', location, HINT);
  const real = fs.realpathSync(file);
  if (real !== file || !sameFile(fs.statSync(real), stats)) {
    refuseData('external data was replaced while it was opened', location);
  }
  if (first && !unchanged(first, stats)) refuseData('external data changed while the model was read', location);
  return stats;
}

/** Bytes of an open file; `ended` is called where it has become shorter. */
export function readRegion(fd: number, offset: number, length: number, ended: () => never): Uint8Array {
  const bytes = new Uint8Array(length);
  inLargePages(bytes);
  for (let done = 0, n = 0; done < length; done += n) {
    n = fs.readSync(fd, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (n === 0) ended();
  }
  return bytes;
}

/**
 * External data below `folder`, which the caller trusts. Every read is checked anew. Throws USAGE when the folder does
 * not exist.
 */
export function nodeFiles(folder: string, { allowSymlinks = [] }: NodeFilesOptions = {}): FileSource {
  const [root, ...linkTargets] = [folder, ...allowSymlinks].map((name) => {
    const real = fs.existsSync(name) && fs.realpathSync(name);
    return real || refuse('USAGE', 'the folder does not exist', { file: name });
  });
  const seen = new Map<string, Identity>();
  return {
    readExternal(location, offset, length) {
      const file = locate(root, linkTargets, location);
      const fd = open(file, location);
      try {
        const stats = check(fd, file, location, seen.get(file));
        seen.set(file, stats);
        checkRegion(location, offset, length, stats.size);
        return readRegion(fd, offset, length, () => refuseData('external data ended early', location));
      } finally {
        fs.closeSync(fd);
      }
    },
  };
}
