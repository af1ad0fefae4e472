// What a schedule needs to know of the hardware: vectors, registers, memory levels, execution units
// and what crossing them costs. In: CPU feature names or the name of a fixed description. Out: one
// plain object that cost model, roller and lowering share. Figures are estimates until measured.
import { type DType, dtypeInfo } from '../ir/dtype.ts';

/** One level of the memory hierarchy, nearest first. */
export interface MemoryLevel {
  readonly name: string;
  /** Capacity per unit (shared levels: the unit's share). */
  readonly bytes: number;
  /** Sustained read bandwidth of one unit, GB/s. */
  readonly bandwidth: number;
  /** Smallest useful access in bytes. */
  readonly transaction: number;
}

/** Over what a barrier can be honoured. */
export type Scope = 'lane' | 'workgroup' | 'grid' | 'dispatch';

export interface Device {
  readonly name: string;
  /** Bytes of a vector register; 0: no vectors. */
  readonly vectorBytes: number;
  /** Architectural vector registers that a kernel may hold. */
  readonly vectorRegisters: number;
  /** Multiply-add in one instruction, with one rounding: on which values. */
  readonly fma: 'none' | 'vectors' | 'all';
  /** Parts of 32 bits that one instruction multiplies and sums: 2 halves, or 4 bytes onto a sum as well; 0: none. */
  readonly dot: 0 | 2 | 4;
  /** A scalar memory operand costs no extra instruction when broadcast into an arithmetic one. */
  readonly broadcastOperand: boolean;
  /** Straight code starts all its loads before its arithmetic: each of them takes a register. */
  readonly loadsEarly: boolean;
  /** Cycles from an accumulation to the next one that uses it. */
  readonly latency: number;
  /** Vector arithmetic instructions and loads that start per cycle. */
  readonly arithmeticPorts: number;
  readonly loadPorts: number;
  /** Clock, GHz. */
  readonly clock: number;
  readonly levels: readonly MemoryLevel[];
  /** Execution units (vEUs) that run at once. */
  readonly units: number;
  /** Nanoseconds to start a kernel from the program, and for a barrier over all units. */
  readonly launch: number;
  readonly barrier: number;
  readonly scopes: readonly Scope[];
}

/** Vector lanes of a compute type, at least 4 bytes a lane; 1 when the device has no vectors. */
export function lanesOf(device: Device, dtype: DType): number {
  return Math.max(1, Math.floor(device.vectorBytes / Math.max(4, dtypeInfo(dtype).bytes)));
}

const KIB = 1024;
const CACHES: readonly MemoryLevel[] = [
  { name: 'L1', bytes: 32 * KIB, bandwidth: 200, transaction: 64 },
  { name: 'L2', bytes: 1024 * KIB, bandwidth: 60, transaction: 64 },
  { name: 'L3', bytes: 16 * KIB * KIB, bandwidth: 25, transaction: 64 },
  { name: 'memory', bytes: 2 ** 32, bandwidth: 12, transaction: 64 },
];

const CPU: Device = {
  name: 'scalar',
  vectorBytes: 0,
  vectorRegisters: 16,
  fma: 'none',
  dot: 0,
  broadcastOperand: false,
  loadsEarly: false,
  latency: 4,
  arithmeticPorts: 2,
  loadPorts: 2,
  clock: 3,
  levels: CACHES,
  units: 1,
  launch: 5,
  barrier: 300,
  scopes: ['lane', 'grid'],
};

/** WebAssembly as engines compile it for x86: of 16 registers two are its own. */
const WASM = { vectorBytes: 16, vectorRegisters: 14, dot: 2, loadsEarly: true, scopes: ['lane'] } as const;
const AVX512 = { vectorBytes: 64, vectorRegisters: 32, fma: 'all', dot: 2, broadcastOperand: true } as const;

/** Fixed descriptions by name. */
const DEVICES: readonly Device[] = [
  CPU,
  { ...CPU, ...WASM, name: 'wasm-simd128' },
  { ...CPU, ...WASM, name: 'wasm-simd128-fma', fma: 'vectors' },
  { ...CPU, name: 'x86-sse', vectorBytes: 16, vectorRegisters: 15, dot: 2 },
  { ...CPU, name: 'x86-avx2', vectorBytes: 32, vectorRegisters: 16, fma: 'all', dot: 2 },
  { ...CPU, ...AVX512, name: 'x86-avx512' },
  { ...CPU, ...AVX512, name: 'x86-avx512-vnni', dot: 4 },
  { ...CPU, name: 'arm-neon', vectorBytes: 16, vectorRegisters: 32, fma: 'all' },
];

/** The description of this name, or undefined. */
export function namedDevice(name: string): Device | undefined {
  return DEVICES.find((d) => d.name === name);
}

/** Any host with WebAssembly SIMD; `fma` when relaxed multiply-add validates there. */
export function webAssemblyDevice(fma = false): Device {
  return namedDevice(fma ? 'wasm-simd128-fma' : 'wasm-simd128')!;
}

/** Feature names (as in /proc/cpuinfo) that a description needs, best first. */
const BY_FEATURES: readonly [needs: readonly string[], device: string][] = [
  [['avx512f', 'avx512vl', 'avx512bw', 'avx512dq', 'fma', 'avx512_vnni'], 'x86-avx512-vnni'],
  [['avx512f', 'avx512vl', 'avx512bw', 'avx512dq', 'fma'], 'x86-avx512'],
  [['avx2', 'fma'], 'x86-avx2'],
  [['asimd'], 'arm-neon'],
  [['sse4_1'], 'x86-sse'],
];

/** The widest description that these CPU features allow. */
export function cpuDevice(features: ReadonlySet<string>): Device {
  const row = BY_FEATURES.find(([needs]) => needs.every((f) => features.has(f)));
  return namedDevice(row ? row[1] : 'scalar')!;
}
