// What a schedule needs to know of the hardware: vectors, registers, memory levels, execution units and what crossing
// them costs. In: CPU feature names or the name of a description. Out: one plain object that cost model, roller and
// lowering share. The descriptions are the JSON files beside this one; each says where its figures come from.
import { type DType, dtypeInfo } from '../ir/dtype.ts';
import { invariant } from '../support/errors.ts';
import a100 from './a100.json' with { type: 'json' };
import armNeon from './arm-neon.json' with { type: 'json' };
import graphcoreIpu from './graphcore-ipu.json' with { type: 'json' };
import h200 from './h200.json' with { type: 'json' };
import mi50 from './mi50.json' with { type: 'json' };
import scalar from './scalar.json' with { type: 'json' };
import v100 from './v100.json' with { type: 'json' };
import wasmSimd128 from './wasm-simd128.json' with { type: 'json' };
import wasmSimd128Fma from './wasm-simd128-fma.json' with { type: 'json' };
import wasmSimd256 from './wasm-simd256.json' with { type: 'json' };
import x86Avx2 from './x86-avx2.json' with { type: 'json' };
import x86Avx512 from './x86-avx512.json' with { type: 'json' };
import x86Avx512Amx from './x86-avx512-amx.json' with { type: 'json' };
import x86Avx512Vnni from './x86-avx512-vnni.json' with { type: 'json' };
import x86Sse from './x86-sse.json' with { type: 'json' };
import x86Zen4 from './x86-zen4.json' with { type: 'json' };
import x86Zen5 from './x86-zen5.json' with { type: 'json' };

/** One level of the memory hierarchy, nearest first. */
export interface MemoryLevel {
  readonly name: string;
  /** Capacity that one unit can count on. */
  readonly bytes: number;
  /** Sustained read bandwidth of one unit while all of them read, GB/s. */
  readonly bandwidth: number;
  /** Smallest useful access in bytes. */
  readonly transaction: number;
  /** Nanoseconds from a load to its value when nothing hides them. */
  readonly latency?: number;
  /** Banks that serve one access each, and the bytes that one of them gives at once. */
  readonly banks?: number;
  readonly bankBytes?: number;
}

/** Arithmetic that one unit finishes with one form of instruction. */
export interface Peak {
  readonly dtype: DType;
  /** Multiply and add apart, in one, as short sums of products, as products of small matrices. */
  readonly form: 'mul-add' | 'fma' | 'dot' | 'matrix';
  /** 1e9 operations per second; a multiply-add counts two. */
  readonly rate: number;
  /** Type of the sums, where it is another one. */
  readonly into?: DType;
  /** Rows, columns and depth of a matrix instruction. */
  readonly tile?: readonly number[];
  /** CPU feature that it needs beyond those of the description. */
  readonly needs?: string;
}

/** Machines whose lanes run in workgroups: what one may have, and what a unit holds at once. */
export interface Workgroups {
  /** Lanes of one workgroup at most. */
  readonly lanes: number;
  /** 4-byte registers of one lane and of one workgroup, and its bytes of shared memory, at most. */
  readonly laneRegisters: number;
  readonly registers: number;
  readonly sharedBytes: number;
  /** Parts of a unit that issue side by side; workgroups, lanes and 4-byte registers of lanes that it holds. */
  readonly partitions: number;
  readonly residentGroups: number;
  readonly residentLanes: number;
  readonly residentRegisters: number;
}

/** Over what a barrier can be honoured. */
export type Scope = 'lane' | 'workgroup' | 'grid' | 'dispatch';

export interface Device {
  readonly name: string;
  /** CPU features (as in /proc/cpuinfo) that code for it uses; absent where it is no CPU. */
  readonly features?: readonly string[];
  /** Why targets do not compile for it by default, where features do not say so. */
  readonly note?: string;
  /** Bytes of a vector register, or of lanes that step together; 0: no vectors. */
  readonly vectorBytes: number;
  /** Architectural vector registers that a kernel may hold. */
  readonly vectorRegisters: number;
  /** Multiply-add in one instruction, with one rounding: on which values. */
  readonly fma: 'none' | 'vectors' | 'all';
  /** Parts of 32 bits that one instruction multiplies and sums: 2 halves, or 4 bytes onto a sum as well; 0: none. */
  readonly dot: 0 | 2 | 4;
  /** One instruction makes a vector of 32-bit lanes of narrower elements in memory. */
  readonly widens?: boolean;
  /** One instruction multiplies floats by powers of two. */
  readonly scales?: boolean;
  /** Straight code starts all its loads before its arithmetic: each of them takes a register. */
  readonly loadsEarly: boolean;
  /** Asks for lines ahead in an instruction. */
  readonly prefetches?: boolean;
  /** Cycles from an accumulation to the next one that uses it. */
  readonly latency: number;
  /** Vector arithmetic instructions and loads that start per cycle. */
  readonly arithmeticPorts: number;
  readonly loadPorts: number;
  /** Clock, GHz. */
  readonly clock: number;
  readonly levels: readonly MemoryLevel[];
  readonly peaks: readonly Peak[];
  readonly workgroups?: Workgroups;
  /** Execution units (vEUs) that run at once. */
  readonly units: number;
  /** Nanoseconds to start a kernel from the program, and for a barrier over all units. */
  readonly launch: number;
  readonly barrier: number;
  readonly scopes: readonly Scope[];
  /** Where figures come from, by field, or by field and name for one level. */
  readonly provenance: Readonly<Record<string, string>>;
}

/** Vector lanes of a compute type, at least 4 bytes a lane; 1 when the device has no vectors. */
export const lanesOf = (device: Device, dtype: DType): number =>
  Math.max(1, Math.floor(device.vectorBytes / Math.max(4, dtypeInfo(dtype).bytes)));

/** The peak of a form of instruction, where the description's own features have it. */
export const peakOf = ({ peaks, features }: Device, dtype: DType, form: Peak['form']): Peak | undefined =>
  peaks.find((p) => p.dtype === dtype && p.form === form && (!p.needs || features?.includes(p.needs)));

/** Fields that are figures, and fields whose figures have a source. */
const FIGURES = [
  ...(['vectorBytes', 'vectorRegisters', 'latency', 'arithmeticPorts', 'loadPorts', 'clock'] as const),
  ...(['units', 'launch', 'barrier'] as const),
];
const SOURCED = [...FIGURES, 'levels', 'peaks', 'workgroups'] as const;

/** A description read from JSON. Throws INTERNAL (or TypeError, for what is not even alike) where it cannot be used. */
export function deviceFrom(json: unknown): Device {
  const device = json as Device;
  const { name, levels, peaks, workgroups, provenance } = device;
  const own = [...FIGURES.map((f) => device[f]), ...Object.values({ ...workgroups })];
  const others = [...levels.flatMap((l) => [l.bytes, l.bandwidth, l.transaction]), ...peaks.map((p) => p.rate)];
  invariant([...own, ...others].every(Number.isFinite), `device ${name}: a figure is missing`);
  const farther = levels.slice(1);
  const ordered = farther.every((l, i) => l.bytes > levels[i].bytes && l.bandwidth <= levels[i].bandwidth);
  invariant(ordered && farther.length > 0, `device ${name}: levels are not in order`);
  const unsourced = SOURCED.filter((f) => device[f] !== undefined && typeof provenance[f] !== 'string');
  invariant(unsourced.length === 0, `device ${name}: no source for ${unsourced.join(', ')}`);
  return device;
}

/** Every description; those of CPUs with more features first. */
export const DEVICES: readonly Device[] = [
  ...[x86Avx512Amx, x86Zen5, x86Zen4, x86Avx512Vnni, x86Avx512, x86Avx2, armNeon, x86Sse, scalar],
  ...[wasmSimd128, wasmSimd128Fma, wasmSimd256],
  ...[v100, mi50, a100, h200, graphcoreIpu],
].map(deviceFrom);

/** The description of this name, or undefined. */
export const namedDevice = (name: string): Device | undefined => DEVICES.find((d) => d.name === name);

/** Any host with WebAssembly SIMD; `fma` when relaxed multiply-add validates there. */
export const webAssemblyDevice = (fma = false): Device => namedDevice(fma ? 'wasm-simd128-fma' : 'wasm-simd128')!;

/** Features that a description needs and the set lacks. */
export const lacking = (device: Device, features: ReadonlySet<string>): string[] =>
  (device.features ?? []).filter((f) => !features.has(f));

/** The widest description that these CPU features allow. */
export const cpuDevice = (features: ReadonlySet<string>): Device =>
  DEVICES.find((d) => d.features && lacking(d, features).length === 0)!;
