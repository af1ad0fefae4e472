// Loads, stores and round trips of every storage type as cases of one program: all 8-bit and 16-bit
// patterns are decoded; values at, between and next to representable ones are encoded.
import {
  type ComputeType,
  computeType,
  type Expr,
  index,
  load,
  localExpr,
  makeExpr,
  newLocal,
  round,
} from '../../src/3-tile/expr.ts';
import { roundScalar } from '../../src/3-tile/semantics.ts';
import type { Task, TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import { DTYPES, type DType, dtypeInfo, isFloat, isStorageFloat } from '../../src/ir/dtype.ts';
import { decodeFloat, encodeFloat, maxFinite } from '../../src/ir/float.ts';
import { emptyTensor, type Scalar, type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { call, kernel, programOf } from './harness.ts';
import { SPECIAL } from './values.ts';

const STORAGE = DTYPES.filter((t) => !['string', 'complex', 'complex64', 'complex128'].includes(t));

/** All patterns of the narrow types. */
function patterns(t: DType): TensorData {
  const { bytes, bits } = dtypeInfo(t);
  const n = bytes === 2 ? 65536 : 256;
  const data = emptyTensor(t, [n]);
  const words = bytes === 2 ? new Uint16Array(data.bytes.buffer) : data.bytes;
  for (let i = 0; i < n; i++) words[i] = t === 'bool' ? i % 2 : bits < 8 ? i % 2 ** bits : i;
  if (t === 'i4' || t === 'i2') for (let i = 0; i < n; i++) words[i] = (((i << (8 - bits)) << 24) >> 24) >> (8 - bits);
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
  return [
    ...SPECIAL[t],
    ...Array.from({ length: 300 }, (_, i) => (typeof SPECIAL[t][0] === 'bigint' ? BigInt.asUintN(63, BigInt(i)) : i)),
  ];
}

const pad = (values: readonly Scalar[]): Scalar[] =>
  Array.from({ length: Math.ceil(values.length / 64) * 64 }, (_, i) => values[i % values.length]);

export interface Case {
  readonly label: string;
  readonly input: TensorData;
  readonly output: TileTensor;
  readonly expected: (x: Scalar) => Scalar;
}

/** The element that a store leaves, as a value. */
function stored(t: DType, x: Scalar): Scalar {
  if (isStorageFloat(t)) return decodeFloat(t, encodeFloat(t, Number(x)));
  if (isFloat(t) || t === 'bool') return t === 'f32' ? Math.fround(Number(x)) : x;
  return roundScalar(t, computeType(t), x);
}

/** The cases of these vector widths, and the program that evaluates all of them. */
export class StorageCases {
  readonly cases: Case[] = [];
  private readonly tasks: Task[] = [];
  private readonly inputs = new Map<TensorData, TileTensor>();

  constructor(widths: readonly number[]) {
    for (const t of STORAGE) this.addType(t, widths);
  }

  get feeds(): readonly TensorData[] {
    return [...this.inputs.keys()];
  }

  program(): TaskProgram {
    return programOf(
      this.tasks,
      [...this.inputs.values()],
      this.cases.map((c) => c.output),
    );
  }

  private addCase(
    label: string,
    input: TensorData,
    lanes: number,
    to: DType,
    f: (x: Expr) => Expr,
    expected: (x: Scalar) => Scalar,
  ): void {
    let source = this.inputs.get(input);
    if (!source) this.inputs.set(input, (source = newTensor('in', input.dtype, input.shape, 'input')));
    const output = newTensor('out', to, input.shape, 'output');
    const i = newLocal('i', 'i32');
    const at = localExpr(i);
    const t = computeType(input.dtype);
    const x = lanes === 1 ? load(source, [at]) : makeExpr('load', t, [at], source, lanes);
    const k = kernel(
      [source, output],
      [
        {
          kind: 'for',
          index: i,
          from: index(0),
          to: index(input.shape[0]),
          step: lanes,
          body: [{ kind: 'store', tensor: output, at: [at], value: f(x) }],
        },
      ],
    );
    this.tasks.push(call(k));
    this.cases.push({ label: `${label} x${lanes}`, input, output, expected });
  }

  private addType(t: DType, widths: readonly number[]): void {
    const c = computeType(t);
    const values = isFloat(t) ? aroundFloat(isStorageFloat(t) ? t : 'f16', c as 'f32') : aroundInt(c);
    const list = pad(values);
    const compute = tensorOf(c, [list.length], list);
    const narrow = dtypeInfo(t).bits < 32 ? patterns(t) : compute;
    const wide = c === 'f32' && t !== 'f32' ? pad(aroundFloat(t, 'f64')) : null;
    const f64 = wide && tensorOf('f64', [wide.length], wide);
    const i64 = c === 'i32' ? tensorOf('i64', [64], pad(SPECIAL.i64)) : null;
    for (const lanes of widths) {
      this.addCase(
        `load ${t}`,
        narrow,
        lanes,
        c,
        (x) => x,
        (x) => x,
      );
      this.addCase(
        `store ${t}`,
        compute,
        lanes,
        t,
        (x) => x,
        (x) => stored(t, x),
      );
      this.addCase(
        `round ${t}`,
        compute,
        lanes,
        c,
        (x) => round(t, x),
        (x) => roundScalar(t, c, x),
      );
      if (f64)
        this.addCase(
          `round f64 ${t}`,
          f64,
          lanes,
          'f64',
          (x) => round(t, x),
          (x) => roundScalar(t, 'f64', x),
        );
      if (i64)
        this.addCase(
          `round i64 ${t}`,
          i64,
          lanes,
          'i64',
          (x) => round(t, x),
          (x) => roundScalar(t, 'i64', x),
        );
    }
  }
}
