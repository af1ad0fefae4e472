// Special values of every compute type, and all pairs of them, as test inputs.
import type { ComputeType } from '../../src/3-tile/expr.ts';
import { type Scalar, type TensorData, tensorOf } from '../../src/ir/tensor.ts';

const FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  -1.5,
  2.5,
  -2.5,
  0.3,
  -0.7,
  3,
  -7,
  100.75,
  -100.75,
  1e-3,
  8388607.5,
  8388609,
  -8388608.5,
  16777217,
  2147483520,
  2147483648,
  -2147483648,
  -2147483904,
  4294967040,
  4294967296,
  2 ** 63 - 2 ** 39,
  2 ** 63,
  -(2 ** 63),
  1.8446744073709552e19,
  1e30,
  -1e30,
  Infinity,
  -Infinity,
  NaN,
];
const F32 = [...FLOATS, 2 ** -149, -(2 ** -149), 2 ** -126, 3.4028234663852886e38, -3.4028234663852886e38].map(
  Math.fround,
);
const F64 = [
  ...FLOATS,
  5e-324,
  -5e-324,
  2 ** -1022,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  2147483647.5,
  4294967295.5,
  -2147483648.5,
  -0.999,
  4503599627370495.5,
  1e-46,
  3.5e38,
];
const I32 = [
  0,
  1,
  -1,
  2,
  -2,
  3,
  7,
  -7,
  31,
  32,
  33,
  63,
  64,
  255,
  256,
  -128,
  65535,
  0x12345678,
  2147483647,
  -2147483648,
  -2147483647,
  1 << 30,
];
const U32 = [0, 1, 2, 3, 7, 31, 32, 33, 64, 255, 65536, 0x12345678, 2147483647, 2147483648, 4294967295, 4294967294];
const I64 = [
  0n,
  1n,
  -1n,
  2n,
  -2n,
  7n,
  -7n,
  63n,
  64n,
  65n,
  4294967295n,
  4294967296n,
  -4294967297n,
  9007199254740993n,
  (1n << 63n) - 1n,
  -(1n << 63n),
  -(1n << 63n) + 1n,
  9223371761976868863n,
  16777217n,
  1152921573326323713n,
];
const U64 = [
  0n,
  1n,
  2n,
  7n,
  63n,
  64n,
  65n,
  4294967295n,
  4294967296n,
  9007199254740993n,
  1n << 63n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
  (1n << 64n) - 2n,
  18446742974197923841n,
  16777217n,
];

export const SPECIAL: Readonly<Record<ComputeType, readonly Scalar[]>> = {
  f32: F32,
  f64: F64,
  i32: I32,
  u32: U32,
  i64: I64,
  u64: U64,
  bool: [0, 1],
};

/** Extended by repetition to a multiple of 64 elements. */
function padded(values: readonly Scalar[]): Scalar[] {
  const n = Math.ceil(values.length / 64) * 64;
  return Array.from({ length: n }, (_, i) => values[i % values.length]);
}

/** Every special value. */
export function singles(t: ComputeType): TensorData {
  const v = padded(SPECIAL[t]);
  return tensorOf(t, [v.length], v);
}

/** Every pair of special values. */
export function pairs(t: ComputeType): [TensorData, TensorData] {
  const list = SPECIAL[t];
  const a = padded(list.flatMap((x) => list.map(() => x)));
  const b = padded(list.flatMap(() => list));
  return [tensorOf(t, [a.length], a), tensorOf(t, [b.length], b)];
}

/** Equal, with NaN equal to NaN and -0 different from +0. */
export const same = (a: Scalar, b: Scalar): boolean => Object.is(a, b);
