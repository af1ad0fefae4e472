// External tensor data: the interface through which the frontend reads it, and the rules for locations. Nothing here
// knows a file system, so browsers can use it; the source over a folder is node-files.ts.
import { refuse as refusal } from '../../support/errors.ts';

/** Where external tensor data comes from. The caller of the frontend decides what may be read. */
export interface FileSource {
  /**
   * Exactly `length` bytes at `offset` of the file that the model calls `location`; may be a view. Throws EXTERNAL_DATA
   * when there is no such file or region.
   */
  readExternal(location: string, offset: number, length: number): Uint8Array;
}

const MAX_LOCATION = 4096;
const RULE = 'External data must lie in files below the folder of the model.';

function refuse(what: string, location: string): never {
  return refusal('EXTERNAL_DATA', what, { file: location }, RULE);
}

/**
 * The components of a location: relative, forward slashes, no parent steps, no control characters. Throws EXTERNAL_DATA
 * for anything else.
 */
export function locationComponents(location: string): string[] {
  if (location === '') refuse('an external tensor has no location', location);
  if (location.length > MAX_LOCATION) refuse('the location of an external tensor is too long', location);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose.
  if (/[\u0000-\u001f\u007f]/.test(location)) refuse('a location has control characters', location);
  if (location.includes('\\')) refuse('a location has a backslash', location);
  if (location.startsWith('/')) refuse('a location is absolute', location);
  if (/^[A-Za-z]:|^[A-Za-z][\w+.-]*:\/\//.test(location)) refuse('a location names a drive or URL', location);
  const components = location.split('/').filter((c) => c !== '' && c !== '.');
  if (components.includes('..')) refuse('a location leaves the folder of the model', location);
  if (components.length === 0) refuse('a location names no file', location);
  return components;
}

/** Refuses a region that does not lie within a file of `size` bytes. */
export function checkRegion(location: string, offset: number, length: number, size: number): void {
  const safe = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (safe && offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
  refuse(`bytes ${offset} to ${offset + length} lie outside a file of ${size} bytes`, location);
}
