// External tensor data from a folder on disk.
import fs from 'node:fs';
import path from 'node:path';
import { type FileSource, locationComponents } from './files.ts';

/** Reads regions of files below `folder`. */
export function nodeFiles(folder: string): FileSource {
  return {
    readExternal: (location, offset, length) => {
      const fd = fs.openSync(path.join(folder, ...locationComponents(location)), 'r');
      const bytes = new Uint8Array(length);
      fs.readSync(fd, bytes, 0, length, offset);
      fs.closeSync(fd);
      return bytes;
    },
  };
}
