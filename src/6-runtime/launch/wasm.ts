// Runs WebAssembly artifacts, in browsers and in Node: one memory holds the constants and the arena, one call runs the
// whole program. In: an artifact. Out: an Executable. Uses nothing but the standard WebAssembly API.
import { invariant, TilewrightError } from '../../support/errors.ts';
import { type Artifact, type Slot, SPACE_ALIGNMENT } from '../artifact.ts';
import { type Executable, makeExecutable } from '../executable.ts';

const PAGE = 65536;
const MAX_PAGES = 65536;
/** Vector loads may read this far past the last element. */
const SLACK = 64;

/** A module of one function that uses relaxed multiply-add; valid where the host has it. */
const RELAXED_PROBE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x11, 0x41, 0x00, 0xfd, 0x11, 0x41, 0x00, 0xfd, 0x11, 0xfd, 0x85,
  0x02, 0x0b,
]);

/** Optional features that code for this host may use. */
export function hostFeatures(): ReadonlySet<string> {
  return new Set(WebAssembly.validate(RELAXED_PROBE) ? ['relaxed-simd'] : []);
}

const align = (n: number): number => Math.ceil(n / SPACE_ALIGNMENT) * SPACE_ALIGNMENT;

/** Where the arena starts after the constants, and the pages of both. */
export function memoryLayout(constantBytes: number, arenaBytes: number): { arena: number; pages: number } {
  const arena = align(constantBytes);
  const pages = Math.max(1, Math.ceil((arena + align(arenaBytes) + SLACK) / PAGE));
  if (pages <= MAX_PAGES) return { arena, pages };
  const what = `the program needs ${pages * PAGE} bytes of memory, WebAssembly has 4 GiB`;
  throw new TilewrightError('LIMIT_EXCEEDED', what, {}, 'Use smaller shapes, or a native target.');
}

/** The module's bytes, which never lie in shared buffers; refuses features that this host lacks. */
function source(artifact: Artifact): BufferSource {
  const host = hostFeatures();
  const missing = artifact.code.features.filter((f) => !host.has(f));
  if (missing.length === 0) return artifact.code.bytes as BufferSource;
  throw new TilewrightError('TARGET_UNAVAILABLE', `this host lacks ${missing.join(', ')}`, {}, 'Compile without them.');
}

function newMemory(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch {
    const what = `the host refused ${pages * PAGE} bytes of memory`;
    throw new TilewrightError('LIMIT_EXCEEDED', what, {}, 'Close other programs, or use smaller shapes.');
  }
}

/** What is told of memory before anything touches it. */
export type Untouched = (memory: Uint8Array) => void;

/** An instance of the artifact's module with memory of its own. */
export function loadModule(artifact: Artifact, module: WebAssembly.Module, untouched?: Untouched): Executable {
  const { arena, pages } = memoryLayout(artifact.constantBytes, artifact.arenaBytes);
  const memory = newMemory(pages);
  const { buffer } = memory;
  untouched?.(new Uint8Array(buffer));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const main = exports['main'] as (constants: number, arena: number) => number;
  const call = (): void => {
    try {
      main(0, arena);
    } catch (error) {
      invariant(false, `the program stopped: ${String(error)}`);
    }
  };
  const starts = { constants: 0, arena };
  const view = ({ space, offset, bytes }: Slot): Uint8Array => new Uint8Array(buffer, starts[space] + offset, bytes);
  const codeBytes = artifact.code.bytes.length;
  return makeExecutable(artifact, { codeBytes, view, call }, new Uint8Array(buffer));
}

/** Compiles off the calling thread where the host can. */
export async function instantiate(artifact: Artifact, untouched?: Untouched): Promise<Executable> {
  const module = await WebAssembly.compile(source(artifact)).catch((error: unknown) => {
    const what = `the host refused the module: ${String(error)}`;
    throw new TilewrightError('TARGET_UNAVAILABLE', what, {}, 'WebAssembly with SIMD is needed.');
  });
  return loadModule(artifact, module, untouched);
}
