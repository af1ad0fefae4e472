// Every op on every compute type, scalar and vector, against the interpreter on the cross product of
// special values.
import { describe, expect, it } from 'vitest';
import * as X from '../../src/3-tile/expr.ts';
import { BINARY, type BinaryOp, type ComputeType, type Expr, UNARY, type UnaryOp } from '../../src/3-tile/expr.ts';
import { bitcastMeaning } from '../../src/3-tile/semantics.ts';
import { lanesOf as lanesOn, webAssemblyDevice } from '../../src/devices/device.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { remains } from '../tile/remaining.ts';
import { EXTREMES, expectAsInterpreted, mapKernel, pairs, runKernel } from './harness.ts';

const TYPES: readonly ComputeType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool'];
const unaries = (t: ComputeType): UnaryOp[] => UNARY.filter((op) => remains(op, t));
/** Scaling by a power of two is for devices that do it in one instruction. */
const binaries = (t: ComputeType): BinaryOp[] => BINARY.filter((op) => remains(op, t) && op !== 'ldexp');
const fullLanes = (t: ComputeType): number => lanesOn(webAssemblyDevice(), t);
const lanesOf = (t: ComputeType): readonly number[] => (t === 'bool' ? [1, 4, 2] : [1, fullLanes(t)]);

describe.each(TYPES)('%s', (dtype) => {
  it.each(lanesOf(dtype))('binary ops, %i lanes', (lanes) => {
    const [a, b] = pairs(dtype);
    const ops = binaries(dtype);
    expect(ops.length).toBeGreaterThan(6);
    const functions = ops.map((op) => (x: Expr, y: Expr) => X.binary(op, x, y));
    const results = ops.map((op) => X.binary(op, X.constant(dtype, 1), X.constant(dtype, 1)).dtype);
    const { kernel, args } = mapKernel([a, b], functions, results, lanes);
    expectAsInterpreted(kernel, args);
  });

  it.each(lanesOf(dtype))('unary ops, %i lanes', (lanes) => {
    const [a] = pairs(dtype);
    const ops = unaries(dtype);
    const functions = ops.map((op) => (x: Expr) => X.unary(op, x));
    const results = ops.map((op) => X.unary(op, X.constant(dtype, 1)).dtype);
    const { kernel, args } = mapKernel([a], functions, results, lanes);
    expectAsInterpreted(kernel, args);
  });

  it.each(lanesOf(dtype))('casts to types of as many lanes, %i lanes', (lanes) => {
    const [a] = pairs(dtype);
    const to = TYPES.filter((t) => lanesOf(t).includes(lanes) || lanes === 1);
    const { kernel, args } = mapKernel(
      [a],
      to.map((t) => (x: Expr) => X.cast(t, x)),
      to,
      lanes,
    );
    expectAsInterpreted(kernel, args);
  });

  it.each(lanesOf(dtype))('select, %i lanes', (lanes) => {
    const [a, b] = pairs(dtype);
    const choose = (x: Expr, y: Expr): Expr => X.select(X.lt(x, y), y, x);
    const { kernel, args } = mapKernel([a, b], [choose], [dtype], lanes);
    expectAsInterpreted(kernel, args);
  });

  it('division and shifts by constants', () => {
    if (dtype === 'bool') return;
    const ops = binaries(dtype).filter((op) => ['div', 'rem', 'shl', 'shr', 'min', 'max'].includes(op));
    const functions = ops.flatMap((op) =>
      EXTREMES[dtype].map((c) => (x: Expr) => X.binary(op, x, X.constant(dtype, c))),
    );
    const [a] = pairs(dtype);
    const { kernel, args } = mapKernel(
      [a],
      functions,
      functions.map(() => dtype),
    );
    expectAsInterpreted(kernel, args);
    const lanes = fullLanes(dtype);
    const vectors = ops.flatMap((op) =>
      EXTREMES[dtype].map(
        (c) => (x: Expr) => X.binary(op, x, X.makeExpr('splat', dtype, [X.constant(dtype, c)], null, lanes)),
      ),
    );
    const wide = mapKernel(
      [a],
      vectors,
      vectors.map(() => dtype),
      lanes,
    );
    expectAsInterpreted(wide.kernel, wide.args);
  });
});

it.each([
  ['f32', 'i32'],
  ['f32', 'u32'],
  ['f64', 'i64'],
  ['f64', 'u64'],
  ['i32', 'u32'],
  ['i64', 'u64'],
] as const)('bits of %s as %s and back', (a, b) => {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    // NaN payloads may change on the way through the interpreter: leave NaN patterns out.
    const values = EXTREMES[from].filter((value) => !Number.isNaN(bitcastMeaning(from, to)(value)));
    const n = values.length - (values.length % 4);
    const x = tensorOf(from, [n], values.slice(0, n));
    for (const lanes of [1, fullLanes(a)]) {
      const { kernel, args } = mapKernel([x], [(e) => X.bitcast(from, X.bitcast(to, e))], [from], lanes);
      expectAsInterpreted(kernel, args);
    }
    const { kernel, args } = mapKernel([x], [(e) => X.bitcast(to, e)], [to]);
    const out = runKernel(kernel, args)[1].bytes;
    expect(out).toEqual(x.bytes);
  }
});

it('fma with exact products', () => {
  const x = tensorOf('f32', [4], [1, -2, 3.5, 1024]);
  const y = tensorOf('f64', [4], [1, -2, 3.5, 1024]);
  for (const t of [x, y]) {
    for (const lanes of [1, t === x ? 4 : 2]) {
      const { kernel, args } = mapKernel([t, t], [(a, b) => X.fma(a, b, a)], [t.dtype], lanes);
      expectAsInterpreted(kernel, args);
    }
  }
});

it.each([1, 4])('dot products of halves and bytes, %i lanes', (lanes) => {
  const [a, b] = pairs('i32');
  const scrambled = (x: Expr): Expr => X.mul(x, makeSplat(0x9e3779b9 | 0));
  const makeSplat = (v: number): Expr =>
    lanes === 1 ? X.index(v) : X.makeExpr('splat', 'i32', [X.index(v)], null, lanes);
  const functions = ([2, 4] as const).flatMap((parts) => [
    (x: Expr, y: Expr) => X.dot(parts, x, y, x),
    (x: Expr, y: Expr) => X.dot(parts, scrambled(x), scrambled(y), y),
  ]);
  const { kernel, args } = mapKernel([a, b], functions, ['i32', 'i32', 'i32', 'i32'], lanes);
  expectAsInterpreted(kernel, args);
});

it('refuses functions that must be decomposed before', () => {
  const { kernel, args } = mapKernel([tensorOf('f32', [4], [])], [(x) => X.exp(x)], ['f32']);
  expect(() => runKernel(kernel, args)).toThrow(/INTERNAL: no instructions for exp on f32/);
});
