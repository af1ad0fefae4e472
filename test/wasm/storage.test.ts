// Loads, stores and rounding of every storage type against ir/float.ts, scalar and four lanes: all
// bit patterns of loads up to 16 bits, and values around every rounding boundary for stores.
import { describe, expect, it } from 'vitest';
import * as X from '../../src/3-tile/expr.ts';
import { type DType, dtypeInfo, isFloat, isStorageFloat } from '../../src/ir/dtype.ts';
import { decodeFloat, encodeFloat } from '../../src/ir/float.ts';
import { elements, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { EXTREMES, expectAsInterpreted, mapKernel, runKernel } from './harness.ts';

const NARROW: readonly DType[] = ['f16', 'bf16', 'f8e4m3fn', 'f8e4m3fnuz', 'f8e5m2', 'f8e5m2fnuz', 'f8e8m0', 'f4e2m1'];
const INTEGERS: readonly DType[] = ['i8', 'u8', 'i16', 'u16', 'i4', 'u4', 'i2', 'u2', 'bool'];

const patterns = (dtype: DType): number => (dtypeInfo(dtype).bytes === 2 ? 65536 : dtype === 'f4e2m1' ? 16 : 256);

/** Every bit pattern. */
function all(dtype: DType): TensorData {
  const n = patterns(dtype);
  const bytes =
    dtypeInfo(dtype).bytes === 2
      ? new Uint8Array(Uint16Array.from({ length: n }, (_, i) => i).buffer)
      : Uint8Array.from({ length: n }, (_, i) => i);
  return { dtype, shape: [n], bytes };
}

const f32Bits = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0];

/** f32 values: each value of the format, the midpoints between neighbours, and one bit around both. */
function boundaries(dtype: DType): number[] {
  const step = patterns(dtype) > 256 ? 37 : 1;
  const values = new Set<number>(EXTREMES.f32 as number[]);
  for (let i = 0; i < patterns(dtype); i += step) {
    const v = decodeFloat(dtype, i);
    const next = decodeFloat(dtype, (i + 1) % patterns(dtype));
    for (const x of [v, (v + next) / 2]) {
      const bits = new Uint32Array(Float32Array.of(x).buffer)[0];
      for (const d of [-1, 0, 1]) values.add(f32Bits((bits + d) >>> 0));
    }
  }
  for (let e = 0; e < 255; e += 3) values.add(f32Bits((e << 23) | 0x2aaaaa));
  const out = [...values, -0, 0];
  while (out.length % 4 !== 0) out.push(0.25);
  return out;
}

/** Element bits of a stored result. */
function bitsOf(t: TensorData): number[] {
  const wide = dtypeInfo(t.dtype).bytes === 2;
  const { bytes } = t;
  return Array.from({ length: t.shape[0] }, (_, i) => (wide ? bytes[2 * i] | (bytes[2 * i + 1] << 8) : bytes[i]));
}

describe.each(NARROW)('%s', (dtype) => {
  it.each([1, 4])('loads every pattern, %i lanes', (lanes) => {
    const { kernel, args } = mapKernel([all(dtype)], [(x) => x], ['f32'], lanes);
    const got = tensorValues(runKernel(kernel, args)[1]);
    got.forEach((v, i) => {
      if (!Object.is(v, decodeFloat(dtype, i))) expect([i, v]).toEqual([i, decodeFloat(dtype, i)]);
    });
  });

  it.each([1, 4])('stores the nearest pattern, %i lanes', (lanes) => {
    const values = boundaries(dtype);
    const input = tensorOf('f32', [values.length], values);
    const { kernel, args } = mapKernel([input], [(x) => x], [dtype], lanes);
    const got = bitsOf(runKernel(kernel, args)[1]);
    const inputs = tensorValues(input) as number[];
    got.forEach((b, i) => {
      const wanted = encodeFloat(dtype, inputs[i]);
      if (b !== wanted) expect([inputs[i], b]).toEqual([inputs[i], wanted]);
    });
  });

  it('rounds f32 and f64 once', () => {
    const values = boundaries(dtype);
    const input = tensorOf('f32', [values.length], values);
    const small = (dtype === 'f8e8m0' ? 2 ** 24 : 1) * 2 ** -60;
    const near = values.flatMap((x) => [x, x * (1 + 2 ** -50), x * (1 - 2 ** -50), x + small]);
    const wide = tensorOf('f64', [near.length], [...near, 1e300, -1e300, 1e-300, -1e-320].slice(-near.length));
    for (const [t, lanes] of [
      [input, 1],
      [input, 4],
      [wide, 1],
      [wide, 2],
    ] as const) {
      const { kernel, args } = mapKernel([t], [(x) => X.round(dtype, x)], [t.dtype], lanes);
      expectAsInterpreted(kernel, args);
    }
  });
});

describe.each(INTEGERS)('%s', (dtype) => {
  it.each([1, 4])('loads and stores, %i lanes', (lanes) => {
    const source = all(dtype);
    const compute = X.computeType(dtype);
    const load = mapKernel([source], [(x) => x], [compute], lanes);
    expectAsInterpreted(load.kernel, load.args);
    const values = tensorOf(
      'i32',
      [260 * 4],
      Array.from({ length: 260 * 4 }, (_, i) => (i - 500) * 131 + (i % 7)),
    );
    const put = mapKernel([values], [(x) => (compute === 'bool' ? X.cast('bool', x) : x)], [dtype], lanes);
    expectAsInterpreted(put.kernel, put.args);
  });

  it('rounds integers by wrapping', () => {
    if (dtype === 'bool') return;
    for (const t of ['i32', 'u32', 'i64', 'u64'] as const) {
      const input = tensorOf(t, [16], EXTREMES[t].slice(0, 16));
      for (const lanes of [1, t === 'i64' || t === 'u64' ? 2 : 4]) {
        const { kernel, args } = mapKernel([input], [(x) => X.round(dtype, x)], [t], lanes);
        expectAsInterpreted(kernel, args);
      }
    }
  });
});

it('rounds between compute types', () => {
  const wide = tensorOf('f64', [20], EXTREMES.f64.slice(0, 20));
  const big = tensorOf('i64', [16], EXTREMES.i64.slice(0, 16));
  for (const lanes of [1, 2]) {
    const a = mapKernel([wide], [(x) => X.round('f32', x), (x) => X.round('bool', x)], ['f64', 'f64'], lanes);
    expectAsInterpreted(a.kernel, a.args);
    const b = mapKernel(
      [big],
      [(x) => X.round('i32', x), (x) => X.round('u32', x), (x) => X.round('bool', x)],
      ['i64', 'i64', 'i64'],
      lanes,
    );
    expectAsInterpreted(b.kernel, b.args);
  }
});

it('normalises bool bytes when it loads them', () => {
  const bytes = Uint8Array.of(0, 1, 2, 255);
  for (const lanes of [1, 4, 2]) {
    const { kernel, args } = mapKernel([{ dtype: 'bool', shape: [4], bytes }], [(x) => x], ['bool'], lanes);
    expect([...runKernel(kernel, args)[1].bytes]).toEqual([0, 1, 1, 1]);
  }
});

it('has a case for every storage type', () => {
  const plain: DType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64'];
  const covered = new Set([...NARROW, ...INTEGERS, ...plain]);
  expect(NARROW.every((d) => isStorageFloat(d) && isFloat(d))).toBe(true);
  expect(covered.size).toBe(23);
  expect(elements('f16', new Uint8Array(2)).get(0)).toBe(0);
});
