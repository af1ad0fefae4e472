// One C translation unit under construction: vector types and helper functions, each written once, when something asks
// for it, in order of need. Out: the text before the kernels. C names are made from type names and lane counts only.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { type DType, dtypeInfo } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';

/** Element types as C sees them; `i32` also carries bool (0/1, in vectors 0/-1 per lane). */
export type Scalar = 'f32' | 'f64' | 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64';

/** Whether x86 half-precision conversions and 512-bit vectors with masks are there, and kernels visible from outside. */
export type COptions = Readonly<Record<'f16c' | 'avx512' | 'exposeKernels', boolean>>;

const INTEGERS = [8, 16, 32, 64].map((n) => `typedef __INT${n}_TYPE__ i${n};\ntypedef __UINT${n}_TYPE__ u${n};\n`);
const SCALAR_TYPES = `typedef float f32;
typedef double f64;
${INTEGERS.join('')}#define INLINE static inline __attribute__((always_inline, unused))
`;

/** The C element type that computes a compute type. */
export const scalarOf = (dtype: ComputeType): Scalar => (dtype === 'bool' ? 'i32' : dtype);
export const scalarBytes = (s: Scalar): number => Number(s.slice(1)) / 8;
export const isFloatScalar = (s: Scalar): boolean => s[0] === 'f';
export const isUnsigned = (s: Scalar): boolean => s[0] === 'u';
/** The integer types of the same size. */
export const unsignedOf = (s: Scalar): Scalar => `u${s.slice(1)}` as Scalar;
export const signedOf = (s: Scalar): Scalar => `i${s.slice(1)}` as Scalar;

/** The C element type that a storage type is kept in: narrow floats as their bit patterns. */
export function storageOf(dtype: DType): Scalar {
  const { kind, bytes } = dtypeInfo(dtype);
  invariant(bytes > 0 && kind !== 'complex', `no C storage for ${dtype}`);
  if (dtype === 'f32' || dtype === 'f64') return dtype;
  return `${kind === 'int' ? 'i' : 'u'}${bytes * 8}` as Scalar;
}

export class Unit {
  readonly options: COptions;
  private readonly parts = new Map<string, string>();

  constructor(options: COptions) {
    this.options = options;
  }

  /** Ensures the definition of `name` is written, after those that its text asks for. */
  need(name: string, define: () => string): string {
    if (!this.parts.has(name)) this.parts.set(name, define());
    return name;
  }

  has = (name: string): boolean => this.parts.has(name);

  /** The C type of `lanes` elements. */
  type(s: Scalar, lanes: number): string {
    if (lanes === 1) return s;
    invariant((lanes & (lanes - 1)) === 0 && lanes <= 256, `vector of ${lanes} lanes`);
    const bytes = scalarBytes(s) * lanes;
    return this.need(`${s}x${lanes}`, () => `typedef ${s} ${s}x${lanes} __attribute__((vector_size(${bytes})));\n`);
  }

  /** The same vector type for memory that is aligned to its elements only. */
  memoryType(s: Scalar, lanes: number): string {
    const vector = this.type(s, lanes);
    const attributes = `__attribute__((aligned(${scalarBytes(s)}), may_alias))`;
    return this.need(`${vector}u`, () => `typedef ${vector} ${vector}u ${attributes};\n`);
  }

  /** Everything asked for so far. */
  preamble(): string {
    const visibility = this.options.exposeKernels ? 'default' : 'hidden';
    const kernel = `#define KERNEL __attribute__((noinline, visibility("${visibility}")))\n`;
    return SCALAR_TYPES + kernel + [...this.parts.values()].join('');
  }
}

/** `f(0), f(1), …` */
export const perLane = (lanes: number, f: (lane: number) => string): string =>
  Array.from({ length: lanes }, (_, i) => f(i)).join(', ');
