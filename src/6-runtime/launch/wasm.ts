// Runs WebAssembly artifacts, in browsers and in Node: one memory holds the constants and the arena,
// one call runs the whole program. In: an artifact. Out: an Executable. Uses nothing but the
// standard WebAssembly API.
import type { TensorData } from '../../ir/tensor.ts';
import { TilewrightError } from '../../support/errors.ts';
import {
  type Artifact,
  checkFeeds,
  type Executable,
  readOutputs,
  type Slot,
  SPACE_ALIGNMENT,
  verifyChecks,
  writeConstants,
} from '../artifact.ts';

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

interface Layout {
  readonly constants: number;
  readonly arena: number;
  readonly pages: number;
}

function layoutOf(artifact: Artifact): Layout {
  const arena = align(artifact.constantBytes);
  const pages = Math.ceil((arena + align(artifact.arenaBytes) + SLACK) / PAGE);
  if (pages > MAX_PAGES) {
    throw new TilewrightError(
      'LIMIT_EXCEEDED',
      `the program needs ${pages * PAGE} bytes of memory, WebAssembly has 4 GiB`,
      {},
      'Use smaller shapes, or a native target.',
    );
  }
  return { constants: 0, arena, pages };
}

type Main = (constants: number, arena: number) => number;

class WasmExecutable implements Executable {
  readonly arenaBytes: number;
  readonly codeBytes: number;
  private readonly artifact: Artifact;
  private readonly layout: Layout;
  private memory: WebAssembly.Memory | null;
  private main: Main | null;

  constructor(artifact: Artifact, layout: Layout, memory: WebAssembly.Memory, main: Main) {
    this.artifact = artifact;
    this.layout = layout;
    this.memory = memory;
    this.main = main;
    this.arenaBytes = artifact.arenaBytes;
    this.codeBytes = artifact.code.bytes.length;
    writeConstants(artifact, new Uint8Array(memory.buffer, layout.constants, artifact.constantBytes));
  }

  run(feeds: readonly TensorData[]): TensorData[] {
    const { artifact, layout, memory, main } = this;
    if (!memory || !main) throw new TilewrightError('USAGE', 'the program was disposed of');
    checkFeeds(artifact, feeds);
    const view = (slot: Slot): Uint8Array =>
      new Uint8Array(memory.buffer, layout[slot.space] + slot.offset, slot.bytes);
    for (const [i, slot] of artifact.inputs.entries()) view(slot).set(feeds[i].bytes);
    callMain(main, layout);
    verifyChecks(artifact, view);
    return readOutputs(artifact, view);
  }

  dispose(): void {
    this.memory = null;
    this.main = null;
  }
}

function callMain(main: Main, layout: Layout): void {
  try {
    main(layout.constants, layout.arena);
  } catch (error) {
    throw new TilewrightError(
      'INTERNAL',
      `the program stopped: ${String(error)}`,
      {},
      'This is a bug: please report it.',
    );
  }
}

function refuseMissingFeatures(artifact: Artifact): void {
  const host = hostFeatures();
  const missing = artifact.code.features.filter((f) => !host.has(f));
  if (missing.length === 0) return;
  throw new TilewrightError('TARGET_UNAVAILABLE', `this host lacks ${missing.join(', ')}`, {}, 'Compile without them.');
}

function refuseModule(error: unknown): never {
  throw new TilewrightError(
    'TARGET_UNAVAILABLE',
    `the host refused the module: ${String(error)}`,
    {},
    'WebAssembly with SIMD is needed.',
  );
}

/** The instance and its memory, before anything runs. Also gives kernels that were exposed. */
export interface Loaded {
  readonly executable: Executable;
  readonly memory: WebAssembly.Memory;
  readonly exports: WebAssembly.Exports;
}

function load(artifact: Artifact, layout: Layout, module: WebAssembly.Module): Loaded {
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages });
  } catch {
    throw new TilewrightError(
      'LIMIT_EXCEEDED',
      `the host refused ${layout.pages * PAGE} bytes of memory`,
      {},
      'Close other programs, or use smaller shapes.',
    );
  }
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { exports } = instance;
  return { executable: new WasmExecutable(artifact, layout, memory, exports['main'] as Main), memory, exports };
}

/** Artifacts never lie in shared buffers, which the standard API does not take. */
const source = (artifact: Artifact): BufferSource => artifact.code.bytes as BufferSource;

/** Compiles off the calling thread where the host can. */
export async function instantiate(artifact: Artifact): Promise<Executable> {
  const layout = layoutOf(artifact);
  refuseMissingFeatures(artifact);
  const module = await WebAssembly.compile(source(artifact)).catch(refuseModule);
  return load(artifact, layout, module).executable;
}

/** Compiles on the calling thread; browsers allow it there for small modules only. */
export function instantiateSync(artifact: Artifact): Executable {
  return loadSync(artifact).executable;
}

/** As `instantiateSync`, with access to the memory and to exposed kernels. */
export function loadSync(artifact: Artifact): Loaded {
  const layout = layoutOf(artifact);
  refuseMissingFeatures(artifact);
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(source(artifact));
  } catch (error) {
    return refuseModule(error);
  }
  return load(artifact, layout, module);
}
