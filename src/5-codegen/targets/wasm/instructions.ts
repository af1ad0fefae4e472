// The instructions that generated code uses, as one table: encoding, type of the result, immediates.
// Names are those of the WebAssembly specification; a typo does not compile. What is missing here
// is not needed by instruction selection.
import type { ValType } from './encoder.ts';

/** `bytes`: sixteen. `memory`: alignment and offset; `memoryLane`: a lane besides. */
export type ImmediateKind = 'none' | 'i32' | 'i64' | 'f32' | 'f64' | 'bytes' | 'lane' | 'memory' | 'memoryLane';

export interface Instruction {
  /** 0: a one-byte instruction. */
  readonly prefix: number;
  readonly code: number;
  /** Null: leaves nothing. */
  readonly result: ValType | null;
  readonly immediate: ImmediateKind;
  /** log2 of the alignment in bytes that tensors of the accessed element guarantee. */
  readonly align: number;
}

type Words<S extends string, All = never> = S extends `${infer Word} ${infer Rest}` ? Words<Rest, All | Word> : All | S;
type Named<Shape extends string, S extends string> = Record<`${Shape}.${Exclude<Words<S>, '_'>}`, Instruction>;

/** Instructions of consecutive codes; `_` stands for a code that is not used. Most give their own shape. */
const family = (prefix: number) => {
  return <Shape extends string, S extends string>(
    shape: Shape,
    first: number,
    words: S,
    result: ValType | null = prefix === 0xfd ? 'v128' : (shape as ValType),
    immediate: ImmediateKind = 'none',
    align = 0,
  ): Named<Shape, S> => {
    const rows = words.split(' ').map((word, i) => {
      return [`${shape}.${word}`, { prefix, code: first + i, result, immediate, align }] as const;
    });
    return Object.fromEntries(rows.filter(([name]) => !name.endsWith('._'))) as Named<Shape, S>;
  };
};
const plain = family(0);
const saturating = family(0xfc);
const vector = family(0xfd);

const INT_COMPARE = 'eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u';
const FLOAT_COMPARE = 'eq ne lt gt le ge';
const INT = 'clz _ popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u';
const FLOAT = 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign';
const TRUNCATE = 'trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u';
const CONVERT = 'convert_i32_s convert_i32_u convert_i64_s convert_i64_u';
const VECTOR_FLOAT = 'abs neg _ sqrt add sub mul div min max pmin pmax';
const V128 = 'v128';

export const INSTRUCTIONS = {
  ...plain('i32', 0x28, 'load', 'i32', 'memory', 2),
  ...plain('i64', 0x29, 'load', 'i64', 'memory', 3),
  ...plain('f32', 0x2a, 'load', 'f32', 'memory', 2),
  ...plain('f64', 0x2b, 'load', 'f64', 'memory', 3),
  ...plain('i32', 0x2c, 'load8_s load8_u', 'i32', 'memory', 0),
  ...plain('i32', 0x2e, 'load16_s load16_u', 'i32', 'memory', 1),
  ...plain('i32', 0x36, 'store', null, 'memory', 2),
  ...plain('i64', 0x37, 'store', null, 'memory', 3),
  ...plain('f32', 0x38, 'store', null, 'memory', 2),
  ...plain('f64', 0x39, 'store', null, 'memory', 3),
  ...plain('i32', 0x3a, 'store8', null, 'memory', 0),
  ...plain('i32', 0x3b, 'store16', null, 'memory', 1),
  ...plain('i32', 0x41, 'const', 'i32', 'i32'),
  ...plain('i64', 0x42, 'const', 'i64', 'i64'),
  ...plain('f32', 0x43, 'const', 'f32', 'f32'),
  ...plain('f64', 0x44, 'const', 'f64', 'f64'),
  ...plain('i32', 0x45, INT_COMPARE),
  ...plain('i64', 0x50, INT_COMPARE, 'i32'),
  ...plain('f32', 0x5b, FLOAT_COMPARE, 'i32'),
  ...plain('f64', 0x61, FLOAT_COMPARE, 'i32'),
  ...plain('i32', 0x67, INT),
  ...plain('i64', 0x79, INT),
  ...plain('f32', 0x8b, FLOAT),
  ...plain('f64', 0x99, FLOAT),
  ...plain('i32', 0xa7, 'wrap_i64'),
  ...plain('i64', 0xac, 'extend_i32_s extend_i32_u'),
  ...plain('f32', 0xb2, `${CONVERT} demote_f64`),
  ...plain('f64', 0xb7, `${CONVERT} promote_f32`),
  ...plain('i32', 0xbc, 'reinterpret_f32'),
  ...plain('i64', 0xbd, 'reinterpret_f64'),
  ...plain('f32', 0xbe, 'reinterpret_i32'),
  ...plain('f64', 0xbf, 'reinterpret_i64'),
  ...plain('i32', 0xc0, 'extend8_s extend16_s'),
  ...plain('i64', 0xc4, 'extend32_s'),
  ...saturating('i32', 0, TRUNCATE, 'i32'),
  ...saturating('i64', 4, TRUNCATE, 'i64'),
  ...vector(V128, 0, 'load', 'v128', 'memory', 2),
  ...vector(V128, 3, 'load16x4_s load16x4_u', 'v128', 'memory', 1),
  ...vector(V128, 8, 'load16_splat', 'v128', 'memory', 0),
  ...vector(V128, 9, 'load32_splat', 'v128', 'memory', 2),
  ...vector(V128, 0xa, 'load64_splat', 'v128', 'memory', 3),
  ...vector(V128, 0xb, 'store', null, 'memory', 2),
  ...vector(V128, 0xc, 'const', 'v128', 'bytes'),
  ...vector('i8x16', 0xd, 'shuffle', 'v128', 'bytes'),
  ...vector('i32x4', 0x11, 'splat'),
  ...vector('i64x2', 0x12, 'splat'),
  ...vector('f32x4', 0x13, 'splat'),
  ...vector('f64x2', 0x14, 'splat'),
  ...vector('i32x4', 0x1b, 'extract_lane', 'i32', 'lane'),
  ...vector('i32x4', 0x1c, 'replace_lane', 'v128', 'lane'),
  ...vector('i64x2', 0x1d, 'extract_lane', 'i64', 'lane'),
  ...vector('i64x2', 0x1e, 'replace_lane', 'v128', 'lane'),
  ...vector('f32x4', 0x1f, 'extract_lane', 'f32', 'lane'),
  ...vector('f32x4', 0x20, 'replace_lane', 'v128', 'lane'),
  ...vector('f64x2', 0x21, 'extract_lane', 'f64', 'lane'),
  ...vector('f64x2', 0x22, 'replace_lane', 'v128', 'lane'),
  ...vector('i32x4', 0x37, 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'),
  ...vector('f32x4', 0x41, FLOAT_COMPARE),
  ...vector('f64x2', 0x47, FLOAT_COMPARE),
  ...vector(V128, 0x4d, 'not and andnot or xor bitselect'),
  ...vector(V128, 0x59, 'store16_lane store32_lane store64_lane', null, 'memoryLane'),
  ...vector(V128, 0x5c, 'load32_zero', 'v128', 'memory'),
  ...vector('i8x16', 0x62, 'popcnt'),
  ...vector('f32x4', 0x67, 'ceil floor trunc nearest'),
  ...vector('f64x2', 0x74, 'ceil floor _ _ _ _ trunc'),
  ...vector('i16x8', 0x7d, 'extadd_pairwise_i8x16_u'),
  ...vector('i32x4', 0x7f, 'extadd_pairwise_i16x8_u'),
  ...vector('i16x8', 0x87, 'extend_low_i8x16_s _ extend_low_i8x16_u'),
  ...vector('f64x2', 0x94, 'nearest'),
  ...vector('i32x4', 0xa0, 'abs neg _ _ _ _ _ extend_low_i16x8_s _ extend_low_i16x8_u _ shl shr_s shr_u add _ _ sub'),
  ...vector('i32x4', 0xb5, 'mul min_s min_u max_s max_u'),
  ...vector('i64x2', 0xc0, 'abs neg _ _ _ _ _ _ _ _ _ shl shr_s shr_u add _ _ sub _ _ _ mul'),
  ...vector('i64x2', 0xd6, 'eq ne lt_s gt_s le_s ge_s'),
  ...vector('f32x4', 0xe0, VECTOR_FLOAT),
  ...vector('f64x2', 0xec, VECTOR_FLOAT),
  ...vector('i32x4', 0xf8, 'trunc_sat_f32x4_s trunc_sat_f32x4_u'),
  ...vector('f32x4', 0xfa, 'convert_i32x4_s convert_i32x4_u'),
  ...vector('f32x4', 0x105, 'relaxed_madd'),
  ...vector('f64x2', 0x107, 'relaxed_madd'),
};

export type InstructionName = keyof typeof INSTRUCTIONS;

/** The name when it is one of the table, else undefined. */
export function known(name: string): InstructionName | undefined {
  return Object.hasOwn(INSTRUCTIONS, name) ? (name as InstructionName) : undefined;
}
