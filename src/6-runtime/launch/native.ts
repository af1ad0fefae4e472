// The launcher of C code: compiles an artifact's units with the machine's compiler (or takes the library from
// the cache), loads it and calls its one function over memory of its own. Out: an Executable.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNIT_SEPARATOR } from '../../5-codegen/targets/c/index.ts';
import { MATRIX_FEATURES } from '../../5-codegen/targets/c/matrix.ts';
import { ENTRY } from '../../5-codegen/targets/c/program.ts';
import { printable, refuse } from '../../support/errors.ts';
import { inLargePages } from '../../support/large-pages.ts';
import { type Artifact, type Slot, SPACE_ALIGNMENT } from '../artifact.ts';
import { type CompileCache, openCache } from '../cache.ts';
import { type Executable, makeExecutable } from '../executable.ts';
import type { RunLimits, Toolchain } from '../toolchain.ts';
import { compileFlags, cpuFeatures, findToolchain, runCompiler, toolchainKey } from '../toolchain.ts';

export interface NativeOptions extends RunLimits {
  readonly toolchain?: Toolchain;
  /** CPU features to compile for; the host's when absent. */
  readonly features?: ReadonlySet<string>;
  /** null: compile anew; absent: the user's cache. */
  readonly cache?: CompileCache | null;
  /** More compiler flags (sanitisers, debugging). */
  readonly flags?: readonly string[];
}

/** Compiler processes that run at once. */
const JOBS = Math.max(1, Math.min(2, availableParallelism()));

/** Compiles and loads. TARGET_UNAVAILABLE without compiler or CPU features, TOOLCHAIN when it fails. */
export async function loadNative(artifact: Artifact, options: NativeOptions = {}): Promise<Executable> {
  const toolchain = options.toolchain ?? findToolchain();
  const features = options.features ?? cpuFeatures();
  const missing = artifact.code.features.filter((f) => !features.has(f));
  if (missing.length > 0) refuse('TARGET_UNAVAILABLE', `this CPU lacks ${missing.join(', ')}`);
  const flags = [...compileFlags(toolchain, features), ...(options.flags ?? [])];
  const library = await buildLibrary(new TextDecoder().decode(artifact.code.bytes), toolchain, flags, options);
  const { default: koffi } = await import('koffi');
  const [constants, arena] = [artifact.constantBytes, artifact.arenaBytes].map((n) =>
    aligned(koffi, new Uint8Array(n + SPACE_ALIGNMENT), n),
  );
  for (const space of [constants, arena]) inLargePages(space);
  const spaces = { constants, arena };
  const call = (given: readonly (Uint8Array | null)[]): void => {
    const pointers = BigUint64Array.from(given, (b) => (b ? koffi.address(b) : 0n));
    const status = library.call(constants, arena, pointers);
    if (status !== 0) refuse('TARGET_UNAVAILABLE', 'the system gives this process no matrix registers');
  };
  // Uninitialised: the program writes results whole. Pointers are passed as 64 bits.
  const fresh = (bytes: number): Uint8Array => {
    const whole = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    if (bytes >= MAPPED) inLargePages(whole);
    return whole;
  };
  const allocate = (n: number): Uint8Array => (n < LARGE ? fresh(n) : aligned(koffi, fresh(n + SPACE_ALIGNMENT), n));
  const takes = koffi.sizeof('void *') === 8 ? { allocate } : {};
  const view = ({ space, offset, bytes }: Slot): Uint8Array => spaces[space].subarray(offset, offset + bytes);
  const { bytes: codeBytes, unload } = library;
  return makeExecutable(artifact, { codeBytes, view, call, unload, ...takes }, constants);
}

/** A loaded library with the one function that is called. */
type Library = Readonly<{ call: Entry; bytes: number; unload(): void }>;
type Koffi = typeof import('koffi')['default'];
type Entry = (constants: Uint8Array, arena: Uint8Array, given: BigUint64Array) => number;

async function buildLibrary(source: string, toolchain: Toolchain, flags: string[], options: NativeOptions) {
  const cache = options.cache === undefined ? openCache() : options.cache;
  const key = JSON.stringify(['c', toolchainKey(toolchain), flags, source]);
  const known = cache?.find(key);
  const cached = known && (await load(known.path, known.bytes).catch(() => undefined));
  if (cached) return cached;
  const directory = mkdtempSync(join(tmpdir(), 'tilewright-'));
  try {
    const file = await compileUnits(source.split(UNIT_SEPARATOR), toolchain, flags, directory, options);
    const data = readFileSync(file);
    keep(cache, key, data, 'so');
    return await load(file, data.length);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A cache that cannot be written (full or read-only disk) costs a later compile, not this run. */
export function keep(cache: CompileCache | null, key: string, data: Uint8Array, extension: string): void {
  try {
    cache?.store(key, data, extension);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** Compiles the units in `directory`; returns the library's path. */
export async function compileUnits(
  units: readonly string[],
  toolchain: Toolchain,
  flags: readonly string[],
  directory: string,
  limits: RunLimits = {},
): Promise<string> {
  for (const [i, text] of units.entries()) {
    writeFileSync(join(directory, `u${i}.c`), text, { flag: 'wx', mode: 0o600 });
  }
  const out = join(directory, 'program.so');
  const run = (args: readonly string[]): Promise<void> => runCompiler(toolchain, args, directory, limits);
  const link = (files: readonly string[]): Promise<void> => run([...flags, '-shared', '-o', out, ...files, '-lm']);
  if (units.length === 1) return link(['u0.c']).then(() => out);
  // The longest first, so that the processes end together.
  const order = units.map((text, i) => ({ i, size: text.length })).sort((a, b) => b.size - a.size);
  const worker = async (): Promise<void> => {
    for (let next = order.shift(); next; next = order.shift()) {
      await run([...flags, '-c', '-o', `u${next.i}.o`, `u${next.i}.c`]);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
  await link(units.map((_, i) => `u${i}.o`));
  return out;
}

async function load(file: string, bytes: number): Promise<Library> {
  const hint = 'Run npm install, or use the target wasm.';
  const missing = (): never => refuse('TARGET_UNAVAILABLE', 'the package koffi is not installed', {}, hint);
  const { default: koffi } = await import('koffi').catch(missing);
  try {
    const handle = koffi.load(file);
    const call = handle.func(ENTRY, 'int32_t', ['const uint8_t *', 'uint8_t *', 'const uint64_t *']);
    return { call: call as unknown as Entry, bytes, unload: () => handle.unload() };
  } catch (error) {
    refuse('TOOLCHAIN', `the compiled library cannot be loaded: ${printable(String(error))}`);
  }
}

/** The CPU's features without matrix registers that the system keeps from this process: Linux is asked for them. */
export async function usableFeatures(): Promise<ReadonlySet<string>> {
  const features = cpuFeatures();
  if (!MATRIX_FEATURES.every((f) => features.has(f))) return features;
  const koffi = await import('koffi').catch(() => null);
  const request = koffi?.default.load(null).func('long syscall(long number, long code, long feature)');
  // arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)
  return request?.(158, 0x1023, 18) === 0 ? features : new Set([...features].filter((f) => !f.startsWith('amx')));
}

/** Bytes from which a result starts at a line of the cache: stores across lines take twice as long. */
const LARGE = 2 ** 16;

/** Bytes from which glibc maps every block anew, and the system fills its pages one by one. */
const MAPPED = 32 * 2 ** 20;

/** The first `size` bytes that start at a multiple of the spaces' alignment. */
function aligned(koffi: Koffi, whole: Uint8Array, size: number): Uint8Array {
  const start = Number(-koffi.address(whole) & BigInt(SPACE_ALIGNMENT - 1));
  return whole.subarray(start, start + size);
}
