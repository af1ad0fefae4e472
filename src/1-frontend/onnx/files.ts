// External tensor data: the interface through which the frontend reads it, and the rules for locations. Nothing here
// knows a file system, so browsers can use it; the source over a folder is node-files.ts.
import { refuse } from '../../support/errors.ts';

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

/** Refuses external data of a model. */
export function refuseData(what: string, location: string, hint?: string): never {
  return refuse('EXTERNAL_DATA', what, { file: location }, hint);
}

/**
 * The components of a location: relative, forward slashes, no parent steps, no control characters. Throws EXTERNAL_DATA
 * for anything else.
 */
export function locationComponents(location: string): string[] {
  const fail = (what: string): never => refuseData(what, location, RULE);
  if (location === '') fail('an external tensor has no location');
  if (location.length > MAX_LOCATION) fail('the location of an external tensor is too long');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose.
  if (/[\u0000-\u001f\u007f]/.test(location)) fail('a location has control characters');
  if (location.includes('\\')) fail('a location has a backslash');
  if (location.startsWith('/')) fail('a location is absolute');
  if (/^[A-Za-z]:|^[A-Za-z][\w+.-]*:\/\//.test(location)) fail('a location names a drive or URL');
  const components = location.split('/').filter((c) => c !== '' && c !== '.');
  if (components.includes('..')) fail('a location leaves the folder of the model');
  if (components.length === 0) fail('a location names no file');
  return components;
}

/** Refuses a region that does not lie within a file of `size` bytes. */
export function checkRegion(location: string, offset: number, length: number, size: number): void {
  const safe = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (safe && offset >= 0 && length >= 0 && offset <= size && length <= size - offset) return;
  refuseData(`bytes ${offset} to ${offset + length} lie outside a file of ${size} bytes`, location, RULE);
}
