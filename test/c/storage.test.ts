// Loads, stores and round trips of every storage type, scalar and vector: all 8-bit patterns and all
// 16-bit ones are decoded; values at, between and next to representable ones are encoded.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type ComputeType, computeType, type Expr, index, load, localExpr, makeExpr, newLocal,
  round,
} from '../../src/3-tile/expr.ts';
import { roundScalar } from '../../src/3-tile/semantics.ts';
import type { Task } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import { DTYPES, type DType, dtypeInfo, isFloat, isStorageFloat } from '../../src/ir/dtype.ts';
import { decodeFloat, encodeFloat, maxFinite } from '../../src/ir/float.ts';
import { elements, emptyTensor, type Scalar, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { build, call, kernel, noCompiler, programOf } from './harness.ts';
import { same, SPECIAL } from './values.ts';

const LANES = [1, 4, 8, 16];
const missing = noCompiler();
const STORAGE = DTYPES.filter((t) => !['string', 'complex', 'complex64', 'complex128'].includes(t));

/** All patterns of the narrow types. */
function patterns(t: DType): TensorData {
  const { bytes, bits } = dtypeInfo(t);
  const n = bytes === 2 ? 65536 : 256;
  const data = emptyTensor(t, [n]);
  const words = bytes === 2 ? new Uint16Array(data.bytes.buffer) : data.bytes;
  for (let i = 0; i < n; i++) words[i] = t === 'bool' ? i % 2 : bits < 8 ? i % 2 ** bits : i;
  if (t === 'i4' || t === 'i2') for (let i = 0; i < n; i++) words[i] = (i << (8 - bits) << 24) >> 24 >> (8 - bits);
  return data;
}

/** Values around everything that the format can represent, and the special ones. */
function aroundFloat(t: DType, from: 'f32' | 'f64'): number[] {
  const narrow = from === 'f32' ? Math.fround : (x: number): number => x;
  const size = dtypeInfo(t).bytes === 2 ? 65536 : 256;
  const step = size === 65536 ? 37 : 1;
  const out: number[] = [...(SPECIAL[from] as number[])];
  const eps = from === 'f32' ? 2 ** -23 : 2 ** -52;
  for (let i = 0; i + 1 < size; i += step) {
    const [a, b] = [i, i + 1].map((p) => decodeFloat(t, p % (t === 'f4e2m1' ? 16 : 65536)));
    const middle = (a + b) / 2;
    for (const v of [a, middle, middle * (1 + eps), middle * (1 - eps), a * (1 - eps)]) out.push(narrow(v));
  }
  const max = maxFinite(t);
  for (const f of [1, 1.01, 1.03, 1.0625, 1.07, 1.2, 2]) out.push(narrow(max * f), narrow(-max * f));
  return out;
}

function aroundInt(t: ComputeType): Scalar[] {
  return [...SPECIAL[t], ...Array.from({ length: 300 }, (_, i) => (typeof SPECIAL[t][0] === 'bigint' ? BigInt.asUintN(63, BigInt(i)) : i))];
}

const pad = (values: readonly Scalar[]): Scalar[] =>
  Array.from({ length: Math.ceil(values.length / 64) * 64 }, (_, i) => values[i % values.length]);

interface Case {
  readonly label: string;
  readonly input: TensorData;
  readonly output: TileTensor;
  readonly expected: (x: Scalar) => Scalar;
}

const cases: Case[] = [];
const tasks: Task[] = [];
const inputs = new Map<TensorData, TileTensor>();

function addCase(
  label: string, input: TensorData, lanes: number, to: DType, f: (x: Expr) => Expr,
  expected: (x: Scalar) => Scalar,
): void {
  let source = inputs.get(input);
  if (!source) inputs.set(input, (source = newTensor('in', input.dtype, input.shape, 'input')));
  const output = newTensor('out', to, input.shape, 'output');
  const i = newLocal('i', 'i32');
  const at = localExpr(i);
  const t = computeType(input.dtype);
  const x = lanes === 1 ? load(source, [at]) : makeExpr('load', t, [at], source, lanes);
  const k = kernel([source, output], [{
    kind: 'for', index: i, from: index(0), to: index(input.shape[0]), step: lanes,
    body: [{ kind: 'store', tensor: output, at: [at], value: f(x) }],
  }]);
  tasks.push(call(k));
  cases.push({ label: `${label} x${lanes}`, input, output, expected });
}

/** The element that a store leaves, as a value. */
function stored(t: DType, x: Scalar): Scalar {
  if (isStorageFloat(t)) return decodeFloat(t, encodeFloat(t, Number(x)));
  if (isFloat(t) || t === 'bool') return t === 'f32' ? Math.fround(Number(x)) : x;
  return roundScalar(t, computeType(t), x);
}

function addType(t: DType): void {
  const c = computeType(t);
  const values = isFloat(t) ? aroundFloat(isStorageFloat(t) ? t : 'f16', c as 'f32') : aroundInt(c);
  const list = pad(values);
  const compute = tensorOf(c, [list.length], list);
  const narrow = dtypeInfo(t).bits < 32 ? patterns(t) : compute;
  const wide = c === 'f32' && t !== 'f32' ? pad(aroundFloat(t, 'f64')) : null;
  const f64 = wide && tensorOf('f64', [wide.length], wide);
  const i64 = c === 'i32' ? tensorOf('i64', [64], pad(SPECIAL.i64)) : null;
  for (const lanes of LANES) {
    addCase(`load ${t}`, narrow, lanes, c, (x) => x, (x) => x);
    addCase(`store ${t}`, compute, lanes, t, (x) => x, (x) => stored(t, x));
    addCase(`round ${t}`, compute, lanes, c, (x) => round(t, x), (x) => roundScalar(t, c, x));
    if (f64) addCase(`round f64 ${t}`, f64, lanes, 'f64', (x) => round(t, x), (x) => roundScalar(t, 'f64', x));
    if (i64) addCase(`round i64 ${t}`, i64, lanes, 'i64', (x) => round(t, x), (x) => roundScalar(t, 'i64', x));
  }
}

describe.skipIf(missing !== null)('storage types in C', () => {
  const results = new Map<string, Map<TileTensor, TensorData>>();

  beforeAll(async () => {
    for (const t of STORAGE) addType(t);
    const program = programOf(tasks, [...inputs.values()], cases.map((c) => c.output));
    const host = await build(program);
    const plain = await build(program, { features: new Set(['sse2']) });
    for (const [name, e] of [['host', host], ['plain', plain]] as const) {
      const out = e.run([...inputs.keys()]);
      results.set(name, new Map(cases.map((c, i) => [c.output, out[i]])));
      e.dispose();
    }
  });

  it('covers every storage type', () => {
    expect(cases.length).toBeGreaterThan(300);
  });

  it.each(['host', 'plain'])('agree with the formats on %s instructions', (name) => {
    const wrong: string[] = [];
    for (const c of cases) {
      const x = tensorValues(c.input);
      tensorValues(results.get(name)!.get(c.output)!).forEach((got, i) => {
        const want = c.expected(x[i]);
        if (!same(got, want)) wrong.push(`${c.label}(${x[i]}) = ${got}, not ${want}`);
      });
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });

  it('encodes the very bits, not only the value', () => {
    const wrong: string[] = [];
    for (const c of cases) {
      const t = c.output.dtype;
      if (!c.label.startsWith('store') || !isStorageFloat(t)) continue;
      const { bytes } = results.get('host')!.get(c.output)!;
      const bits = elements(dtypeInfo(t).bytes === 2 ? 'u16' : 'u8', bytes);
      tensorValues(c.input).forEach((x, i) => {
        const want = encodeFloat(t, Number(x));
        if (bits.get(i) !== want) wrong.push(`${c.label}(${x}) = ${bits.get(i)}, not ${want}`);
      });
    }
    expect(wrong.slice(0, 20)).toEqual([]);
  });
});

