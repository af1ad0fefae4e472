// Every op on every compute type as cases of one program: operands are all pairs of special values,
// expected results come from the meaning that the interpreter uses.
import {
  BINARY,
  type BinaryOp,
  binary,
  bitcast,
  type ComputeType,
  cast,
  constant,
  type Expr,
  index,
  load,
  localExpr,
  makeExpr,
  newLocal,
  UNARY,
  type UnaryOp,
  unary,
} from '../../src/3-tile/expr.ts';
import { binaryMeaning, bitcastMeaning, castScalar, unaryMeaning } from '../../src/3-tile/semantics.ts';
import type { Task, TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Scalar, TensorData } from '../../src/ir/tensor.ts';
import { remains } from '../tile/remaining.ts';
import { call, kernel, programOf } from './harness.ts';
import { pairs, SPECIAL } from './values.ts';

export const TYPES: readonly ComputeType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool'];

export interface Case {
  readonly label: string;
  readonly inputs: readonly TensorData[];
  readonly expected: (values: readonly Scalar[]) => Scalar;
  readonly output: TileTensor;
}

const vectorLoad = (t: TileTensor, at: Expr, dtype: ComputeType, lanes: number): Expr =>
  lanes === 1 ? load(t, [at]) : makeExpr('load', dtype, [at], t, lanes);

const splat = (e: Expr, lanes: number): Expr => (lanes === 1 ? e : makeExpr('splat', e.dtype, [e], null, lanes));

/** The cases of these vector widths, and the program that evaluates all of them. */
export class OpCases {
  readonly cases: Case[] = [];
  readonly feeds: TensorData[] = [];
  private readonly tasks: Task[] = [];
  private readonly inputs: TileTensor[] = [];
  private readonly operands = new Map<ComputeType, { tensors: TileTensor[]; data: TensorData[] }>();

  constructor(widths: readonly number[]) {
    for (const t of TYPES) {
      for (const lanes of widths) {
        this.addOps(t, lanes);
        this.addConversions(t, lanes);
        this.addRoundTrips(t, lanes);
        if (lanes < 16) this.addConstants(t, lanes);
      }
    }
  }

  program(): TaskProgram {
    return programOf(
      this.tasks,
      this.inputs,
      this.cases.map((c) => c.output),
    );
  }

  private operandsOf(t: ComputeType): { tensors: TileTensor[]; data: TensorData[] } {
    let known = this.operands.get(t);
    if (!known) {
      const data = pairs(t);
      const tensors = data.map((d) => newTensor('in', t, d.shape, 'input'));
      known = { tensors, data };
      this.operands.set(t, known);
      this.inputs.push(...tensors);
      this.feeds.push(...data);
    }
    return known;
  }

  /** out[i] = f(a[i], b[i]) over all pairs, `lanes` at a time. */
  private addCase(
    label: string,
    t: ComputeType,
    lanes: number,
    result: ComputeType,
    f: (a: Expr, b: Expr) => Expr,
    expected: (values: readonly Scalar[]) => Scalar,
  ): void {
    const { tensors, data } = this.operandsOf(t);
    const n = data[0].shape[0];
    const output = newTensor('out', result, [n], 'output');
    const i = newLocal('i', 'i32');
    const at = localExpr(i);
    const value = f(vectorLoad(tensors[0], at, t, lanes), vectorLoad(tensors[1], at, t, lanes));
    const body = [{ kind: 'store', tensor: output, at: [at], value } as const];
    const k = kernel(
      [...tensors, output],
      [{ kind: 'for', index: i, from: index(0), to: index(n), step: lanes, body }],
    );
    this.tasks.push(call(k));
    this.cases.push({ label, inputs: data, expected, output });
  }

  private addOps(t: ComputeType, lanes: number): void {
    for (const op of UNARY) {
      const meaning = unaryMeaning(op as UnaryOp, t);
      if (!meaning || !remains(op, t)) continue;
      const result = op === 'isnan' || op === 'isinf' ? 'bool' : t;
      this.addCase(
        `${op} ${t}x${lanes}`,
        t,
        lanes,
        result,
        (a) => unary(op, a),
        ([a]) => meaning(a as never),
      );
    }
    for (const op of BINARY) {
      const meaning = binaryMeaning(op as BinaryOp, t);
      if (!meaning || !remains(op, t)) continue;
      const result = binary(op, constant(t, 0), constant(t, 0)).dtype;
      this.addCase(
        `${op} ${t}x${lanes}`,
        t,
        lanes,
        result,
        (a, b) => binary(op, a, b),
        ([a, b]) => meaning(a as never, b as never),
      );
    }
    this.addCase(
      `select ${t}x${lanes}`,
      t,
      lanes,
      t,
      (a, b) => makeExpr('select', t, [binary('lt', a, b), b, a], null, lanes),
      ([a, b]) => [a, b][Number(a < b)],
    );
  }

  private addConversions(t: ComputeType, lanes: number): void {
    for (const to of TYPES) {
      if (to === t) continue;
      this.addCase(
        `cast ${t}→${to} x${lanes}`,
        t,
        lanes,
        to,
        (a) => cast(to, a),
        ([a]) => castScalar(t, to, a),
      );
    }
    const peers: Partial<Record<ComputeType, ComputeType[]>> = {
      f32: ['i32', 'u32'],
      i32: ['f32', 'u32'],
      u32: ['i32', 'f32'],
      f64: ['i64', 'u64'],
      i64: ['f64', 'u64'],
      u64: ['i64', 'f64'],
    };
    for (const to of peers[t] ?? []) {
      this.addCase(
        `bitcast ${t}→${to} x${lanes}`,
        t,
        lanes,
        to,
        (a) => bitcast(to, a),
        ([a]) => bitcastMeaning(t, to)(a),
      );
    }
  }

  /** There and back again: neither conversion may be taken for the inverse of the other. */
  private addRoundTrips(t: ComputeType, lanes: number): void {
    for (const via of TYPES) {
      if (via === t || via === 'bool') continue;
      this.addCase(
        `cast ${t}→${via}→${t} x${lanes}`,
        t,
        lanes,
        t,
        (a) => cast(t, cast(via, a)),
        ([a]) => castScalar(via, t, castScalar(t, via, a)),
      );
    }
  }

  /** Constant operands take paths of their own in min, max, div and rem. */
  private addConstants(t: ComputeType, lanes: number): void {
    for (const op of ['min', 'max', 'div', 'rem', 'shl', 'shr'] as const) {
      const meaning = binaryMeaning(op, t);
      if (!meaning || !remains(op, t) || op.startsWith('sh')) continue;
      for (const c of SPECIAL[t].filter((_, i) => i % 3 < 2).slice(0, 8)) {
        this.addCase(
          `${op} ${t}x${lanes} by ${Object.is(c, -0) ? '-0' : c}`,
          t,
          lanes,
          t,
          (a) => binary(op, a, splat(constant(t, c), lanes)),
          ([a]) => meaning(a as never, c as never),
        );
      }
    }
  }
}
