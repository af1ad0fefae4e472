// The C compiler of this machine: finding it, what the CPU offers, the flags that follow, running it as a child with
// a time limit. TARGET_UNAVAILABLE: there is none; TOOLCHAIN: it failed. Never a shell, never -march=native.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { printable, TilewrightError } from '../support/errors.ts';

/** Absolute path of the compiler driver, links kept (a wrapper may act by its name); the first line of `--version`. */
export type Toolchain = Readonly<{ path: string; kind: 'gcc' | 'clang'; version: string }>;

const CANDIDATES = ['cc', 'gcc', 'clang'];
const INSTALL_HINT = 'Install gcc or clang (or set TILEWRIGHT_CC to one), or use the target wasm.';
const PROBE_MS = 10_000;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  if (name.includes('/')) return undefined;
  const dirs = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  return dirs.map((d) => join(d, name)).find(isExecutable);
}

function identify(path: string): Toolchain | undefined {
  const env = compilerEnvironment();
  const probe = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: PROBE_MS, killSignal: 'SIGKILL', env });
  if (probe.status !== 0) return undefined;
  const version = printable(probe.stdout.split('\n')[0]);
  return { path, kind: /clang/i.test(probe.stdout) ? 'clang' : 'gcc', version };
}

const found = new Map<string, Toolchain>();

/** TILEWRIGHT_CC, else CC, else cc, gcc or clang on PATH. One that is named and cannot be run is an error. */
export function findToolchain(env: NodeJS.ProcessEnv = process.env): Toolchain {
  const named = env['TILEWRIGHT_CC'] || env['CC'];
  const key = `${named ?? ''}\0${env['PATH'] ?? ''}`;
  const known = found.get(key);
  if (known) return known;
  for (const name of named ? [named] : CANDIDATES) {
    const path = onPath(name, env);
    const toolchain = path && identify(path);
    if (toolchain) return found.set(key, toolchain).get(key)!;
  }
  const what = named ? `the C compiler "${printable(named)}" cannot be run` : 'no C compiler on this machine';
  throw new TilewrightError('TARGET_UNAVAILABLE', what, {}, INSTALL_HINT);
}

const KEPT = ['PATH', 'TMPDIR', 'TEMP', 'TMP', 'HOME', 'SystemRoot'];

/** What a compiler needs from the environment; nothing that changes its output. */
const compilerEnvironment = (): NodeJS.ProcessEnv => {
  const kept = KEPT.filter((name) => process.env[name] !== undefined);
  return Object.fromEntries([...kept.map((name) => [name, process.env[name]]), ['LC_ALL', 'C']]);
};

let cpu: ReadonlySet<string> | undefined;

/** Names of the CPU's features, as Linux spells them (`avx2`, `fma`, `f16c`, `asimd`, …). */
export const cpuFeatures = (): ReadonlySet<string> => (cpu ??= new Set(readFeatures()));

function readFeatures(): string[] {
  if (arch() === 'arm64') return ['asimd', 'fma'];
  if (arch() !== 'x64') return [];
  if (platform() === 'linux') {
    const line = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return (line?.[1] ?? '').trim().split(/\s+/);
  }
  if (platform() === 'darwin') {
    const query = ['-n', 'machdep.cpu.features', 'machdep.cpu.leaf7_features'];
    const { stdout } = spawnSync('/usr/sbin/sysctl', query, { encoding: 'utf8', timeout: PROBE_MS });
    const names = (stdout ?? '').toLowerCase().split(/\s+/);
    return names.map((n) => n.replace('avx1.0', 'avx').replace(/^sse4\./, 'sse4_'));
  }
  return ['sse2'];
}

/** Microarchitecture levels of x86-64 and the features that each adds to those below it. */
const LEVELS: readonly [march: string, adds: string][] = [
  ['x86-64-v2', 'cx16 popcnt sse4_1 sse4_2 ssse3'],
  ['x86-64-v3', 'avx avx2 bmi1 bmi2 f16c fma movbe'],
  ['x86-64-v4', 'avx512f avx512bw avx512cd avx512dq avx512vl'],
];
/** Extensions of the highest level; their flags are `-m` and the name without the underscore. */
const EXTRAS = ['avx512_vnni', 'avx512_bf16', 'avx512vbmi', 'avx512_vbmi2'];

/** The flags that choose instructions for these features; the same features give the same flags. */
export function machineFlags(features: ReadonlySet<string>): string[] {
  if (features.has('asimd')) return ['-march=armv8-a'];
  const lacking = LEVELS.findIndex(([, adds]) => !adds.split(' ').every((f) => features.has(f)));
  if (lacking === 0) return features.size > 0 ? ['-march=x86-64'] : [];
  if (lacking > 0) return [`-march=${LEVELS[lacking - 1][0]}`];
  const extras = EXTRAS.filter((f) => features.has(f)).map((f) => `-m${f.replace('_', '')}`);
  return ['-march=x86-64-v4', '-mprefer-vector-width=512', ...extras];
}

/**
 * Flags of every build: optimise, keep arithmetic exactly as written, wrap integers, no globals out. Not
 * -fno-trapping-math: with it gcc 12 takes (float)(int)x for trunc(x), which keeps -0.
 */
const COMMON =
  '-std=gnu11 -O2 -ftree-slp-vectorize -fPIC -fwrapv -fno-strict-aliasing -ffp-contract=off -fno-math-errno ' +
  '-fvisibility=hidden -w -Wno-psabi';

/** Loops are vectors already: what gcc carries from one iteration to the next only takes registers from them. */
const PER_COMPILER: Readonly<Record<Toolchain['kind'], readonly string[]>> = {
  gcc: ['-fno-tree-loop-vectorize', '-fno-predictive-commoning'],
  clang: ['-fbracket-depth=1024'],
};

/** All flags for compiling one unit. */
export function compileFlags(toolchain: Toolchain, features: ReadonlySet<string>): string[] {
  return [...COMMON.split(' '), ...PER_COMPILER[toolchain.kind], ...machineFlags(features)];
}

/** Wall-clock limit of one compiler process; default 120,000. */
export type RunLimits = Readonly<{ timeoutMs?: number }>;

/** Most bytes of a compiler's messages that are kept. */
const MESSAGE_BYTES = 4096;

/** Runs the compiler in `cwd`. TOOLCHAIN when it fails, or when the time is up: then it and its children are killed. */
export function runCompiler({ path }: Toolchain, args: readonly string[], cwd: string, limits: RunLimits = {}) {
  const { timeoutMs = 120_000 } = limits;
  const env = compilerEnvironment();
  return new Promise<void>((resolve, reject) => {
    const child = spawn(path, args, { cwd, detached: true, stdio: ['ignore', 'ignore', 'pipe'], env });
    let messages = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, timeoutMs);
    child.stderr.on('data', (part: Buffer) => {
      if (messages.length < MESSAGE_BYTES) messages += part.toString('utf8');
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      const what = `the C compiler did not start: ${printable(error.message)}`;
      reject(new TilewrightError('TARGET_UNAVAILABLE', what, {}, INSTALL_HINT));
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (status === 0) return resolve();
      const how = late ? `took longer than ${timeoutMs} ms` : `ended with ${signal ?? `status ${status}`}`;
      const lines = messages.split('\n').filter((l) => l.trim() !== '');
      const shown = lines.slice(0, 3).map(printable).join(' | ');
      reject(new TilewrightError('TOOLCHAIN', `the C compiler ${how}${shown && `: ${shown}`}`));
    });
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended in the meantime.
  }
}

/** The compiler as the cache key sees it. */
export const toolchainKey = ({ path, kind, version }: Toolchain): string => `${path}\n${kind}\n${version}`;
