// Measures the machine that runs this. In: what is compiled for, as described, and the launcher of its target. Out: the
// description with measured figures in it, from the user's cache where this machine was measured before. The loops that
// are timed are kernels like any other: they take the compiler's own way to machine code.
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import * as build from '../3-tile/expr.ts';
import { type Expr, index, type Local, load, localExpr, newLocal } from '../3-tile/expr.ts';
import { loopFrom, set, store } from '../3-tile/statements.ts';
import type { Kernel } from '../3-tile/task.ts';
import { newTensor, type TileTensor } from '../3-tile/tensor.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { openCache } from '../6-runtime/cache.ts';
import { keep } from '../6-runtime/launch/native.ts';
import { cpuFeatures } from '../6-runtime/toolchain.ts';
import type { Machine } from '../compile.ts';
import { type Device, deviceFrom, lanesOf, type MemoryLevel, type Peak } from '../devices/device.ts';
import { tensorOf } from '../ir/tensor.ts';
import { version } from '../version.ts';
import type { Launch } from './backend.ts';
import { loadTimer, type Work } from './timer.ts';

/** Bytes of the buffer that is read: more than any cache that one unit can count on. */
const BUFFER = 2 ** 28;
/** Turns of a kernel's loop, and dependent steps per turn. */
const TURNS = 1000;
const DEPTH = 16;
/** Independent chains: at least latency × ports, and with two operands they fit in 14 registers. */
const CHAINS = 12;
/** Vectors that are read per turn. */
const READS = 8;
/** How long one figure is measured: engines compile what is hot meanwhile. */
const MS_PER_FIGURE = 50;

/** Memory of all kernels: two operands, how many elements of the buffer count, where a walk is, places for results. */
const memory = {
  operands: newTensor('operands', 'f32', [2], 'input'),
  count: newTensor('count', 'i32', [1], 'input'),
  walk: newTensor('walk', 'i32', [1], 'temp'),
  f32: newTensor('result', 'f32', [16], 'temp'),
  f64: newTensor('result', 'f64', [8], 'temp'),
  i32: newTensor('result', 'i32', [16], 'temp'),
  buffer: newTensor('buffer', 'i32', [BUFFER / 4], 'temp'),
};

type Measured = 'f32' | 'f64' | 'i32';
type Step = (x: Expr, p: Expr, q: Expr) => Expr;

const put = (tensor: TileTensor, value: Expr): Stmt => store(tensor, [index(0)], value);
const count = (): Expr => load(memory.count, [index(0)]);
const splat = (e: Expr, lanes: number): Expr => (lanes > 1 ? build.makeExpr('splat', e.dtype, [e], null, lanes) : e);
const newLocals = (n: number, dtype: Measured, lanes: number): Local[] =>
  Array.from({ length: n }, (_, i) => newLocal(`x${i}`, dtype, lanes));

/** `width` chains of `depth` dependent steps a turn. */
function chains(dtype: Measured, lanes: number, width: number, depth: number, step: Step): Stmt[] {
  const [p, q, ...all] = newLocals(width + 2, dtype, lanes);
  const turn = (x: Local): Stmt => {
    let value = localExpr(x);
    for (let i = 0; i < depth; i++) value = step(value, localExpr(p), localExpr(q));
    return set(x, value);
  };
  return [
    ...[p, q].map((x, i) => set(x, splat(build.cast(dtype, load(memory.operands, [index(i)])), lanes))),
    ...all.map((x, i) => set(x, splat(build.constant(dtype, i), lanes))),
    loopFrom(0, TURNS, () => all.map(turn)),
    put(memory[dtype], all.map(localExpr).reduce(build.add)),
  ];
}

/** Reads the counted elements. */
function reading(lanes: number): Stmt[] {
  const [i, ...all] = [newLocal('i', 'i32'), ...newLocals(READS, 'i32', lanes)];
  const at = (k: number): Expr => build.add(localExpr(i), index(k * lanes));
  const vector = (k: number): Expr => build.makeExpr('load', 'i32', [at(k)], memory.buffer, lanes);
  const body = all.map((x, k) => set(x, build.xor(localExpr(x), vector(k))));
  return [
    ...all.map((x) => set(x, splat(index(0), lanes))),
    { kind: 'for', index: i, from: index(0), to: count(), step: READS * lanes, body },
    put(memory.i32, all.map(localExpr).reduce(build.add)),
  ];
}

/** Links the counted elements, a power of two, into one cycle with far jumps (a generator of full period); walks it. */
function walking(): Readonly<Record<'link' | 'follow', Stmt[]>> {
  const next = (i: Expr): Expr => build.add(build.mul(i, index(0x2c9277b5)), index(0x5f356495));
  const counted = (i: Expr): Expr => build.and(i, build.sub(count(), index(1)));
  const [here] = newLocals(1, 'i32', 1);
  const walk = loopFrom(0, TURNS, () => [set(here, load(memory.buffer, [localExpr(here)]))]);
  return {
    link: [loopFrom(0, count(), (i) => [store(memory.buffer, [i], counted(next(i)))])],
    follow: [set(here, counted(load(memory.walk, [index(0)]))), walk, put(memory.walk, localExpr(here))],
  };
}

/** A kernel's body and how much a call of it does, by name; peaks are named by type and form. */
type Timed = ReadonlyMap<string, Readonly<{ work: number; body: readonly Stmt[] }>>;

function timedKernels(device: Device): Timed {
  const { add, mul, fma, xor } = build;
  const lanes = lanesOf(device, 'f32');
  const fused = device.fma !== 'none';
  const peak = (dtype: 'f32' | 'f64', form: Peak['form'], step: Step) => {
    const n = lanesOf(device, dtype);
    return [`${dtype} ${form}`, { work: 2 * n * CHAINS * TURNS, body: chains(dtype, n, CHAINS, 1, step) }] as const;
  };
  const peaks = (['f64', 'f32'] as const).map((dtype) => peak(dtype, 'mul-add', (x, p, q) => add(mul(x, p), q)));
  if (fused) peaks.push(peak('f64', 'fma', fma), peak('f32', 'fma', fma));
  const { link, follow } = walking();
  const accumulate: Step = fused ? (x, p, q) => fma(p, q, x) : add;
  return new Map([
    ...peaks,
    ['clock', { work: 2 * DEPTH * TURNS, body: chains('i32', 1, 1, DEPTH, (x, p, q) => add(xor(x, p), q)) }],
    ['latency', { work: DEPTH * TURNS, body: chains('f32', lanes, 1, DEPTH, accumulate) }],
    ['read', { work: 1, body: reading(lanes) }],
    ['link', { work: 1, body: link }],
    ['follow', { work: TURNS, body: follow }],
    ['launch', { work: 1, body: [put(memory.i32, count())] }],
  ]);
}

/** Work per nanosecond of a kernel over so many elements of the buffer. */
type Rate = (name: string, elements?: number) => number;

/** Loads the kernels for `use`. A rate is the best of what fits into its time: what disturbs a run only slows it. */
async function withKernels<T>(machine: Machine, launch: Launch, use: (rate: Rate) => T): Promise<T> {
  const timed = timedKernels(machine.device);
  const names = [...timed.keys()];
  const args = Object.values(memory);
  const kernels = [...timed].map(([name, { body }], id): Kernel => ({ id, name, params: args, body }));
  const works = kernels.map((kernel): Work => [{ kind: 'run', kernel, args }]);
  const timer = await loadTimer(machine, launch, works, [memory.operands, memory.count], args);
  const operands = tensorOf('f32', [2], [0.999, 0.001]);
  const run = (name: string, calls: number, elements: number): number =>
    timer.time(names.indexOf(name), calls, [operands, tensorOf('i32', [1], [elements])]);
  const rate: Rate = (name, elements = 0) => {
    const end = performance.now() + MS_PER_FIGURE;
    let best = Number.POSITIVE_INFINITY;
    for (let long = 0, calls = 1; long < 2 || performance.now() < end; ) {
      const ms = run(name, calls, elements);
      best = Math.min(best, ms / calls);
      if (ms < 2) calls *= 2;
      else long++;
    }
    return timed.get(name)!.work / best / 1e6;
  };
  try {
    // Engines compile anew what has run a while: this starts it for all, so that it is done when a kernel is timed.
    for (const name of names) run(name, 100, 4096);
    return use(rate);
  } finally {
    timer.dispose();
  }
}

const rounded = (x: number): number => Number(x.toPrecision(3));

/** Bytes of the data caches of the first CPU, nearest first; none where the system does not say. */
function cacheSizes(): number[] {
  const folder = '/sys/devices/system/cpu/cpu0/cache';
  const read = (cache: string, file: string): string => readFileSync(`${folder}/${cache}/${file}`, 'utf8');
  try {
    const caches = readdirSync(folder).filter((name) => name.startsWith('index'));
    const data = caches.sort().filter((name) => !read(name, 'type').startsWith('Instruction'));
    return data.map((name) => 1024 * Number.parseInt(read(name, 'size'), 10)).filter((bytes) => bytes > 0);
  } catch {
    return [];
  }
}

/** The levels, each measured well inside its capacity; a cache that others fill too is as large as it is fast. */
function measuredLevels(rate: Rate, described: readonly MemoryLevel[]): MemoryLevel[] {
  const { transaction } = described[0];
  const level = (name: string, bytes: number, measured = bytes): MemoryLevel => {
    const elements = 2 ** Math.floor(Math.log2(measured / 8));
    rate('link', elements);
    const bandwidth = rounded(4 * elements * rate('read', elements));
    return { name, bytes, bandwidth, transaction, latency: rounded(1 / rate('follow', elements)) };
  };
  const far = level('memory', os.totalmem(), 2 * BUFFER);
  const sizes = cacheSizes();
  const levels: MemoryLevel[] = [];
  for (let bytes of sizes.length > 0 ? sizes : described.slice(0, -1).map((l) => l.bytes)) {
    const name = `L${levels.length + 1}`;
    const least = 4 * (levels.at(-1)?.bytes ?? 4096);
    bytes = Math.min(bytes, BUFFER);
    let near = level(name, bytes);
    for (; near.bandwidth < 1.25 * far.bandwidth && bytes > least; near = level(name, bytes)) bytes /= 2;
    levels.push({ ...near, bandwidth: Math.min(near.bandwidth, levels.at(-1)?.bandwidth ?? near.bandwidth) });
  }
  return [...levels, { ...far, bandwidth: Math.min(far.bandwidth, levels.at(-1)!.bandwidth) }];
}

/** The described device with what can be measured here. */
function measured(rate: Rate, described: Device): Device {
  const forms: Peak['form'][] = described.fma === 'none' ? ['mul-add'] : ['mul-add', 'fma'];
  const peak = (dtype: 'f32' | 'f64', form: Peak['form']): Peak => {
    return { dtype, form, rate: rounded(rate(`${dtype} ${form}`)) };
  };
  const peaks = (['f32', 'f64'] as const).flatMap((dtype) => forms.map((form) => peak(dtype, form)));
  const levels = measuredLevels(rate, described.levels);
  const lanes = lanesOf(described, 'f32');
  const clock = rate('clock');
  const perCycle = (x: number): number => Math.max(1, Math.round(x / clock));
  // The last form of f32 is the best one; its instructions do one operation, or two where they are fused.
  const figures = {
    latency: Math.round(clock / rate('latency')),
    arithmeticPorts: perCycle(peaks[forms.length - 1].rate / lanes / forms.length),
    loadPorts: perCycle(levels[0].bandwidth / (4 * lanes)),
    clock: rounded(clock),
    levels,
    peaks: [...peaks, ...described.peaks.filter((p) => p.into)],
    launch: rounded(1 / rate('launch')),
  };
  const source = `measured by tilewright devices --probe, ${new Date().toISOString().slice(0, 10)}`;
  const sources = Object.keys(figures).map((name) => [name, source]);
  return { ...described, ...figures, provenance: { ...described.provenance, ...Object.fromEntries(sources) } };
}

/** What was measured on this machine, in the user's cache; `compiler` is what makes machine code besides this process. */
export function measurements(compiler: string) {
  const cache = openCache();
  const host = [os.cpus()[0]?.model, [...cpuFeatures()].sort(), cacheSizes(), process.version, compiler];
  const keyOf = (key: string): string => JSON.stringify([version, host, key]);
  return {
    get(key: string): string | undefined {
      const entry = cache?.find(keyOf(key));
      return entry && readFileSync(entry.path, 'utf8');
    },
    set: (key: string, text: string): void => keep(cache, keyOf(key), new TextEncoder().encode(text), 'figures'),
  };
}

/** The machine's device as measured: from what was measured before, else (or `anew`) in under 3 s. */
export async function probedDevice(machine: Machine, launch: Launch, compiler: string, anew = false): Promise<Device> {
  const { get, set } = measurements(compiler);
  const key = `device ${JSON.stringify(machine.device)}`;
  const known = anew ? undefined : get(key);
  try {
    if (known !== undefined) return deviceFrom(JSON.parse(known));
  } catch {
    // What is there is no device.
  }
  const device = await withKernels(machine, launch, (rate) => measured(rate, machine.device));
  set(key, JSON.stringify(device));
  return device;
}
