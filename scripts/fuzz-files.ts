// Malformed input: mutates real model files and demands that each one is refused with a typed error or
// accepted, within a second and 512 MB. `--hook FILE` gives accepted models to the default export of
// FILE, so that "accepted" can mean "compiles and runs".
//
//   npm run fuzz:files -- --count 1000000 --seed 1
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { parseModel } from '../src/compile.ts';
import type { Model } from '../src/ir/graph.ts';
import { TilewrightError } from '../src/support/errors.ts';
import { mutate, randomFrom, type Seed, seedOf } from './fuzz-mutations.ts';

const MAX_MS = 1000;
const MAX_RSS = 512 * 2 ** 20;
const MAX_SEED_BYTES = 16 * 1024;
const SAMPLE_EVERY = 500;

/** Called with every accepted model; may throw TilewrightError to refuse it after all. */
export type AcceptedHook = (model: Model, bytes: Uint8Array) => void | Promise<void>;

export interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  readonly seeds: readonly Seed[];
  readonly onAccepted?: AcceptedHook | undefined;
  readonly onFailure: (why: string, bytes: Uint8Array, index: number) => void;
  readonly onProgress?: ((done: number) => void) | undefined;
}

export interface FuzzResult {
  readonly accepted: number;
  /** Refusals per error code. */
  readonly refused: ReadonlyMap<string, number>;
  readonly failures: number;
  readonly slowestMs: number;
  readonly peakRss: number;
}

/** Runs `count` mutations; mutation i depends on the seed and i alone. */
export async function fuzzFiles(options: FuzzOptions): Promise<FuzzResult> {
  const refused = new Map<string, number>();
  const result = { accepted: 0, failures: 0, slowestMs: 0, peakRss: 0 };
  for (let i = 0; i < options.count; i++) {
    const { bytes, name } = mutate(randomFrom(Math.imul(options.seed, 0x9e3779b1) ^ i), options.seeds);
    const fail = (why: string): void => {
      result.failures++;
      options.onFailure(`${name}: ${why}`, bytes, i);
    };
    const started = performance.now();
    try {
      const model = parseModel(bytes);
      const pending = options.onAccepted?.(model, bytes);
      if (pending) await pending;
      result.accepted++;
    } catch (error) {
      const typed = error instanceof TilewrightError && error.code !== 'INTERNAL';
      if (typed) refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
      else fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const ms = performance.now() - started;
    result.slowestMs = Math.max(result.slowestMs, ms);
    if (ms > MAX_MS) fail(`took ${Math.round(ms)} ms`);
    if (i % SAMPLE_EVERY !== 0) continue;
    const { rss } = process.memoryUsage();
    result.peakRss = Math.max(result.peakRss, rss);
    if (rss > MAX_RSS) fail(`resident set is ${Math.round(rss / 2 ** 20)} MB`);
    options.onProgress?.(i);
  }
  return { ...result, refused };
}

/** Model files below a folder, at most `maxBytes` long, in the order of their paths. */
export function modelSeeds(folder: string, maxBytes = MAX_SEED_BYTES): Seed[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile() && e.name.endsWith('.onnx'))
    .map((e) => path.join(e.parentPath, e.name))
    .filter((file) => fs.statSync(file).size <= maxBytes)
    .sort()
    .map((file) => seedOf(path.relative(folder, file), new Uint8Array(fs.readFileSync(file))));
}

async function loadHook(file: string | undefined): Promise<AcceptedHook | undefined> {
  if (!file) return undefined;
  const module: { default: AcceptedHook } = await import(pathToFileURL(path.resolve(file)).href);
  return module.default;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      data: { type: 'string', default: process.env['TILEWRIGHT_DATA'] ?? '../shared/data' },
      hook: { type: 'string' },
      failures: { type: 'string' },
    },
  });
  const seeds = fs.existsSync(values.data) ? modelSeeds(values.data) : [];
  if (seeds.length === 0) {
    const most = `${MAX_SEED_BYTES / 1024} KiB`;
    console.error(`no model files of at most ${most} in ${values.data}: name a folder by --data or TILEWRIGHT_DATA`);
    return 2;
  }
  const count = Number(values.count);
  const started = performance.now();
  const rate = (done: number): number => Math.round((done / (performance.now() - started)) * 1000);
  const result = await fuzzFiles({
    count,
    seed: Number(values.seed),
    seeds,
    onAccepted: await loadHook(values.hook),
    onProgress: (done) => {
      if (done % 50_000 === 0 && done > 0) console.log(`${done} mutations, ${rate(done)}/s`);
    },
    onFailure: (why, bytes, index) => {
      console.error(`FAIL mutation ${index} of ${why}`);
      if (!values.failures) return;
      fs.mkdirSync(values.failures, { recursive: true });
      fs.writeFileSync(path.join(values.failures, `${values.seed}-${index}.onnx`), bytes);
    },
  });
  const codes = [...result.refused].sort().map(([code, n]) => `${code} ${n}`);
  console.log(`${seeds.length} files, ${count} mutations, ${rate(count)}/s`);
  console.log(`accepted ${result.accepted}, refused: ${codes.join(', ')}`);
  console.log(`slowest ${result.slowestMs.toFixed(0)} ms, peak ${Math.round(result.peakRss / 2 ** 20)} MB`);
  console.log(`${result.failures} failures`);
  return result.failures > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main();
