// Which sums become dot products, and what is copied for them.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { type Expr, index, load, mul, sub } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { cpuDevice, namedDevice } from '../../src/devices/device.ts';
import { type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { printKernel } from '../../src/web/text/print.ts';

type Byte = 'u8' | 'i8';
const bytes = (dtype: Byte, shape: readonly number[]): TensorData =>
  tensorOf(
    dtype,
    shape,
    Array.from({ length: shape.reduce((p, n) => p * n, 1) }, (_, i) => (i * 37) % 100),
  );

/** The kernels of a product of a fed matrix with a constant one, as text. */
function kernels(device: string, types: readonly [Byte, Byte], k: number, zeros: readonly [number, number]): string[] {
  const b = new TileBuilder();
  const x = newTensor('x', types[0], [32, k], 'input');
  const w = b.constant(bytes(types[1], [k, 48]));
  const less = (t: TileTensor, at: readonly Expr[], zero: number): Expr => sub(load(t, at), index(zero));
  const element = ([i, j]: readonly Expr[], [r]: readonly Expr[]): Expr =>
    mul(less(x, [i, r], zeros[0]), less(w, [r, j], zeros[1]));
  const y = b.reduce('i32', [32, 48], [k], sum('i32'), element);
  y.role = 'output';
  const program = { inputs: [x], outputs: [y], steps: b.steps, checks: [] };
  return schedule(program, { device: namedDevice(device)!, lower: lowering }).kernels.map(printKernel);
}

describe('dot products', () => {
  it('take unsigned data as it lies, four bytes at a time, and its zero point from sums of the constant', () => {
    const [main, ...others] = kernels('x86-avx512-vnni', ['u8', 'i8'], 64, [3, 0]);
    expect(others).toHaveLength(0);
    expect(main).toMatch(/= dot\.4\(splat\.16\(%0\[.*\]\), %1x16\[.*\], v\d+\)/);
    expect(main).toMatch(/%2x16\[.*\] \* splat\.16\(-?3\)/);
  });

  it('flip the signs of signed data in a copy, and pad rows that do not end with a word', () => {
    expect(kernels('x86-avx512-vnni', ['i8', 'i8'], 64, [0, 0])[0]).toContain('xor');
    expect(kernels('x86-avx512-vnni', ['u8', 'i8'], 63, [0, 0])).toHaveLength(2);
  });

  it('sum the data where the constant has a zero point of its own', () => {
    const all = kernels('x86-avx512-vnni', ['u8', 'u8'], 64, [0, 5]);
    expect(all).toHaveLength(2);
    expect(all[0]).toContain('16843009');
    expect(kernels('x86-avx512-vnni', ['u8', 'u8'], 64, [0, 128])).toHaveLength(1);
  });

  it('are of pairs elsewhere, zero points subtracted as the data is copied', () => {
    const [copy, main] = kernels('wasm-simd128', ['u8', 'u8'], 64, [3, 5]);
    expect(copy).toMatch(/%1\[.*\] = %0x4\[.*\] - splat\.4\(3\)/);
    expect(main).toContain('dot.2');
  });

  it('are not made where no device has them, and for few elements', () => {
    expect(kernels('scalar', ['u8', 'i8'], 64, [0, 0]).join()).not.toContain('dot');
    expect(kernels('x86-avx512-vnni', ['u8', 'i8'], 2, [0, 0]).join()).not.toContain('dot');
  });

  it('are of bytes on CPUs with VNNI', () => {
    const avx512 = ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq', 'fma', 'avx2'];
    expect(cpuDevice(new Set([...avx512, 'avx512_vnni'])).dot).toBe(4);
    expect(cpuDevice(new Set(avx512)).dot).toBe(2);
    expect(cpuDevice(new Set(['asimd'])).dot).toBe(0);
  });
});
