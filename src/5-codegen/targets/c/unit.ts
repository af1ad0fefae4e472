// One C translation unit under construction: vector types and helper functions, each written once
// and only when something asks for it, in order of need. In: names and bodies. Out: the text before
// the kernels. C names here are made from type names and lane counts only.
import type { ComputeType } from '../../../3-tile/expr.ts';
import type { DType } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';

/** Element types as C sees them; `i32` also carries bool (0/1, in vectors 0/-1 per lane). */
export type Scalar = 'f32' | 'f64' | 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64';

/** What the CPU and compiler offer beyond plain C. */
export interface COptions {
  /** x86 half-precision conversion instructions are there. */
  readonly f16c: boolean;
  /** x86 512-bit vectors with masks are there. */
  readonly avx512: boolean;
  /** Kernels can be called from outside the library. */
  readonly exposeKernels: boolean;
}

const BYTES: Readonly<Record<Scalar, number>> = {
  f32: 4,
  f64: 8,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
};

const SCALAR_TYPES = `typedef float f32;
typedef double f64;
typedef __INT8_TYPE__ i8;
typedef __UINT8_TYPE__ u8;
typedef __INT16_TYPE__ i16;
typedef __UINT16_TYPE__ u16;
typedef __INT32_TYPE__ i32;
typedef __UINT32_TYPE__ u32;
typedef __INT64_TYPE__ i64;
typedef __UINT64_TYPE__ u64;
#define INLINE static inline __attribute__((always_inline, unused))
`;

/** The C element type that computes a compute type. */
export const scalarOf = (dtype: ComputeType): Scalar => (dtype === 'bool' ? 'i32' : dtype);
export const scalarBytes = (s: Scalar): number => BYTES[s];
export const isFloatScalar = (s: Scalar): boolean => s === 'f32' || s === 'f64';
export const isUnsigned = (s: Scalar): boolean => s[0] === 'u';
/** The unsigned integer type of the same size. */
export const unsignedOf = (s: Scalar): Scalar => `u${BYTES[s] * 8}` as Scalar;
export const signedOf = (s: Scalar): Scalar => `i${BYTES[s] * 8}` as Scalar;

const STORAGE: Partial<Record<DType, Scalar>> = {
  f16: 'u16',
  bf16: 'u16',
  f8e4m3fn: 'u8',
  f8e4m3fnuz: 'u8',
  f8e5m2: 'u8',
  f8e5m2fnuz: 'u8',
  f8e8m0: 'u8',
  f4e2m1: 'u8',
  bool: 'u8',
  i4: 'i8',
  i2: 'i8',
  u4: 'u8',
  u2: 'u8',
  f32: 'f32',
  f64: 'f64',
  i8: 'i8',
  u8: 'u8',
  i16: 'i16',
  u16: 'u16',
  i32: 'i32',
  u32: 'u32',
  i64: 'i64',
  u64: 'u64',
};

/** The C element type that a storage type is kept in. */
export function storageOf(dtype: DType): Scalar {
  const s = STORAGE[dtype];
  invariant(s, `no C storage for ${dtype}`);
  return s;
}

export class Unit {
  readonly options: COptions;
  private readonly parts = new Map<string, string>();

  constructor(options: COptions) {
    this.options = options;
  }

  /** Ensures the definition of `name` is written, after those that its text asks for. */
  need(name: string, define: () => string): string {
    if (!this.parts.has(name)) {
      const text = define();
      this.parts.set(name, text);
    }
    return name;
  }

  /** The C type of `lanes` elements. */
  type(s: Scalar, lanes: number): string {
    if (lanes === 1) return s;
    invariant((lanes & (lanes - 1)) === 0 && lanes <= 256, `vector of ${lanes} lanes`);
    return this.need(
      `${s}x${lanes}`,
      () => `typedef ${s} ${s}x${lanes} __attribute__((vector_size(${BYTES[s] * lanes})));\n`,
    );
  }

  /** The same vector type for memory that is aligned to its elements only. */
  memoryType(s: Scalar, lanes: number): string {
    const vector = this.type(s, lanes);
    return this.need(
      `${vector}u`,
      () => `typedef ${vector} ${vector}u __attribute__((aligned(${BYTES[s]}), may_alias));\n`,
    );
  }

  /** Everything asked for so far. */
  preamble(): string {
    const visibility = this.options.exposeKernels ? 'default' : 'hidden';
    const kernel = `#define KERNEL __attribute__((noinline, visibility("${visibility}")))\n`;
    return SCALAR_TYPES + kernel + [...this.parts.values()].join('');
  }
}

/** `f(0), f(1), …` */
export function perLane(lanes: number, f: (lane: number) => string): string {
  return Array.from({ length: lanes }, (_, i) => f(i)).join(', ');
}
