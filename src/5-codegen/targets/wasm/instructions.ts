// The instructions that generated code uses, as one table: encoding, type of the result, immediates. Names are those of
// the WebAssembly specification; a typo does not compile. What is missing here is not needed by instruction selection.
import { invariant } from '../../../support/errors.ts';
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
type Names<Shape extends string, S extends string> = Shape extends ''
  ? Exclude<Words<S>, '_'>
  : `${Shape}.${Exclude<Words<S>, '_'>}`;

/** What follows the code and how memory is aligned, by the first name that fits; else nothing, or a constant. */
const IMMEDIATES: readonly [name: RegExp, immediate: ImmediateKind, align: number][] = [
  [/^v128\.const$|shuffle$/, 'bytes', 0],
  [/store\d+_lane$/, 'memoryLane', 0],
  [/^[if]64\.(load|store)$|load64_splat$/, 'memory', 3],
  [/load16(_[su]|x4_[su])$|store16$/, 'memory', 1],
  [/load8|store8|load32_zero/, 'memory', 0],
  [/load|store/, 'memory', 2],
  [/_lane$/, 'lane', 0],
];
const SCALAR_COMPARISON = /^[if](32|64)\.(eqz?|ne|[lg][te](_[su])?)$/;

function instruction(name: string, prefix: number, code: number): Instruction {
  const [shape, op] = name.split('.') as [ValType, string];
  const found = IMMEDIATES.find(([pattern]) => pattern.test(name));
  const immediate = found?.[1] ?? (op === 'const' ? (shape as 'i32') : 'none');
  const other = SCALAR_COMPARISON.test(name) ? 'i32' : prefix === 0xfd ? 'v128' : shape;
  const result = op === 'extract_lane' ? (shape.slice(0, 3) as ValType) : op.startsWith('store') ? null : other;
  return { prefix, code, result, immediate, align: found?.[2] ?? 0 };
}

/** Instructions of consecutive codes, of one shape or with their whole names; `_` is a code without use. */
const family = (prefix: number) => {
  return <Shape extends string, S extends string>(shape: Shape, first: number, words: S) => {
    const rows = words.split(' ').flatMap((word, i) => {
      const name = shape ? `${shape}.${word}` : word;
      return word === '_' ? [] : [[name, instruction(name, prefix, first + i)] as const];
    });
    return Object.fromEntries(rows) as Record<Names<Shape, S>, Instruction>;
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
const VECTOR_FLOAT = 'abs neg _ sqrt add sub mul div min max _ pmax';

export const INSTRUCTIONS = {
  ...plain('', 0x28, 'i32.load i64.load f32.load f64.load'),
  ...plain('i32', 0x2c, 'load8_s load8_u load16_s load16_u'),
  ...plain('', 0x36, 'i32.store i64.store f32.store f64.store i32.store8 i32.store16'),
  ...plain('', 0x41, 'i32.const i64.const f32.const f64.const'),
  ...plain('i32', 0x45, INT_COMPARE),
  ...plain('i64', 0x50, INT_COMPARE),
  ...plain('f32', 0x5b, FLOAT_COMPARE),
  ...plain('f64', 0x61, FLOAT_COMPARE),
  ...plain('i32', 0x67, INT),
  ...plain('i64', 0x79, INT),
  ...plain('f32', 0x8b, FLOAT),
  ...plain('f64', 0x99, FLOAT),
  ...plain('i32', 0xa7, 'wrap_i64'),
  ...plain('i64', 0xac, 'extend_i32_s extend_i32_u'),
  ...plain('f32', 0xb2, `${CONVERT} demote_f64`),
  ...plain('f64', 0xb7, `${CONVERT} promote_f32`),
  ...plain('', 0xbc, 'i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64'),
  ...saturating('i32', 0, TRUNCATE),
  ...saturating('i64', 4, TRUNCATE),
  ...vector('v128', 0, 'load _ _ load16x4_s load16x4_u'),
  ...vector('v128', 8, '_ load32_splat load64_splat store const'),
  ...vector('', 0xd, 'i8x16.shuffle'),
  ...vector('', 0x11, 'i32x4.splat i64x2.splat f32x4.splat f64x2.splat'),
  ...vector('', 0x1b, 'i32x4.extract_lane i32x4.replace_lane i64x2.extract_lane i64x2.replace_lane'),
  ...vector('', 0x1f, 'f32x4.extract_lane f32x4.replace_lane f64x2.extract_lane f64x2.replace_lane'),
  ...vector('i32x4', 0x37, 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'),
  ...vector('f32x4', 0x41, FLOAT_COMPARE),
  ...vector('f64x2', 0x47, FLOAT_COMPARE),
  ...vector('v128', 0x4d, 'not and _ or xor bitselect'),
  ...vector('v128', 0x59, 'store16_lane store32_lane store64_lane load32_zero'),
  ...vector('i8x16', 0x62, 'popcnt'),
  ...vector('f32x4', 0x67, 'ceil floor trunc nearest'),
  ...vector('f64x2', 0x74, 'ceil floor _ _ _ _ trunc'),
  ...vector('i16x8', 0x7d, 'extadd_pairwise_i8x16_u'),
  ...vector('i32x4', 0x7f, 'extadd_pairwise_i16x8_u'),
  ...vector('i16x8', 0x87, 'extend_low_i8x16_s _ extend_low_i8x16_u'),
  ...vector('f64x2', 0x94, 'nearest'),
  ...vector('i32x4', 0xa0, 'abs neg _ _ _ _ _ extend_low_i16x8_s _ extend_low_i16x8_u _ shl shr_s shr_u add _ _ sub'),
  ...vector('i32x4', 0xb5, 'mul min_s min_u max_s max_u dot_i16x8_s'),
  ...vector('i64x2', 0xc0, 'abs neg _ _ _ _ _ _ _ _ _ shl shr_s shr_u add _ _ sub _ _ _ mul'),
  ...vector('i64x2', 0xd6, 'eq ne lt_s gt_s le_s ge_s'),
  ...vector('f32x4', 0xe0, VECTOR_FLOAT),
  ...vector('f64x2', 0xec, VECTOR_FLOAT),
  ...vector('', 0xf8, 'i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u'),
  ...vector('', 0x105, 'f32x4.relaxed_madd _ f64x2.relaxed_madd'),
};

export type InstructionName = keyof typeof INSTRUCTIONS;

/** The name when it is one of the table, else undefined. */
export function known(name: string): InstructionName | undefined {
  return Object.hasOwn(INSTRUCTIONS, name) ? (name as InstructionName) : undefined;
}

/** An instruction that must be in the table. */
export function named(name: string): InstructionName {
  const found = known(name);
  invariant(found, `no instruction ${name}`);
  return found;
}
